package logql

import (
	"errors"
	"strings"
	"testing"
)

func TestParse_QueriesOfTheSubset_AreAccepted(t *testing.T) {
	for _, q := range []string{
		// Selectors.
		`{job="a"}`, `{job="a",host="b"}`, `{ job = "a" , host = "b" }`, `{job!="a",host="b"}`, `{job=~"a.*b"}`, `{job=~".+"}`,
		`{job!~"a",host="b"}`, `{job!=""}`, `{job=~"a|b"}`, "{job=`a`}", "{job=~`\\d+`}", `{job="a\"b"}`, `{job="a\\b"}`, `{job="\u4f60"}`,
		`{job="你好"}`, `{_a="b"}`, `{a1="b"}`, `{filename="/var/log/app.log"}`, `{job="a", job!="b"}`, `{job="",host="x"}`, `{ip="a"}`, `{sum="a"}`, `{$="a"}`, `{日="a"}`,
		"{job=\"a\"} # all", "# first\n{job=\"a\"}", "{job=\"a\"\n,\nhost=\"b\"}", "\t{job=\"a\"}\r\n", `({job="a"})`, `(({job="a"}))`,
		`{job=~"(?i)a"}`, `{job!~".+",host="a"}`, `{job="#"}`,
		// Line filters.
		`{job="a"} |= "x"`, `{job="a"} != "x"`, `{job="a"} |~ "x"`, `{job="a"} !~ "x"`, `{job="a"}|="x"`, `{job="a"} |= ""`, "{job=\"a\"} |= `x\\d`",
		"{job=\"a\"} |~ `x\\d`", `{job="a"} |= "x" |= "y"`, `{job="a"} |= "x" != "y" |~ "z" !~ "w"`, `{job="a"} |= "x" or "y"`,
		`{job="a"} |= "x" or "y" or "z" != "w"`, `{job="a"} |~ "x" or "y"`, `{job="a"} != "x" or "y"`, `{job="a"} !~ "x" or "y"`,
		`{job="a"} |~ "(?i)error"`, `{job="a"} |= "你好"`, "{job=\"a\"}\n  |= \"x\" # about x\n  != \"y\"", `({job="a"} |= "x")`, `{job="a"} |~ "a{1,20}"`,
		`{job="a"} |= "a\tb"`, `{job="a"} |= "|="`, `{job="a"} |~ "^$"`, `{job="a"} |> "<_> x <_>"`, `{job="a"} !> "<_> x <_>" or "y"`,
		// Parsers.
		`{job="a"} | json`, `{job="a"} | logfmt`, `{job="a"} |json|logfmt`, `{job="a"} | logfmt --strict`, `{job="a"} | logfmt --keep-empty`,
		`{job="a"} | logfmt --strict --keep-empty`, `{job="a"} | decolorize`, `{job="a"} | decolorize |= "x" | json`,
		// Label filters.
		`{job="a"} | level="error"`, `{job="a"} | level!="error"`, `{job="a"} | level=~"err.*"`, `{job="a"} | level!~"err.*"`,
		`{job="a"} | json | status=200`, `{job="a"} | json | status==200`, `{job="a"} | json | status!=200`, `{job="a"} | json | status>200`,
		`{job="a"} | json | status>=200`, `{job="a"} | json | status<200`, `{job="a"} | json | status<=200.5`, `{job="a"} | json | x > -5`,
		`{job="a"} | json | took > 10s`, `{job="a"} | json | took > 1h30m`, `{job="a"} | json | took >= 1.5s`, `{job="a"} | json | took < 250ms`,
		`{job="a"} | json | took <= 10us`, `{job="a"} | json | took <= 10µs`, `{job="a"} | json | took = 7d`, `{job="a"} | json | took != 1w`,
		`{job="a"} | json | size > 20KB`, `{job="a"} | json | size > 1.5KiB`, `{job="a"} | json | size == 20B`, `{job="a"} | json | size < 1GB`,
		`{job="a"} | a="b" and c="d"`, `{job="a"} | a="b" or c="d"`, `{job="a"} | a="b", c="d"`, `{job="a"} | a="b" c="d"`,
		`{job="a"} | a="b" or c>5 and d<10s`, `{job="a"} | (a="b")`, `{job="a"} | (a="b" or c="d") and e="f"`, `{job="a"} | a="b" (c="d")`,
		`{job="a"} | ((a="b"))`, `{job="a"} | a="b" | c="d"`, `{job="a"} | json | a="b" |= "x" | c>1`, `{job="a"} | __error__=""`,
		"{job=\"a\"} | level=`error`", `{job="a"} | level=""`, `{job="a"} | size > 1e3`, `{job="a"} | size > .5`,
		// Drop and keep.
		`{job="a"} | drop a`, `{job="a"} | drop a, b`, `{job="a"} | drop __error__`, `{job="a"} | drop level="x", b=~"y"`, `{job="a"} | keep a`,
		`{job="a"} | keep a, b!="c"`, `{job="a"} | json | drop __error__, __error_details__`,
		// Metrics.
		`count_over_time({job="a"}[5m])`, `rate({job="a"}[1s])`, `bytes_over_time({job="a"}[1h])`, `bytes_rate({job="a"}[1m30s])`,
		`count_over_time({job="a"} |= "x" [5m])`, `count_over_time({job="a"}[5m] |= "x")`, `count_over_time( ( {job="a"} |= "x" ) [5m])`,
		`count_over_time(({job="a"} |= "x" [5m]))`, `sum(count_over_time({job="a"}[5m]))`, `sum by (level) (count_over_time({job="a"}[5m]))`,
		`sum by(level,host)(rate({job="a"}[5m]))`, `sum(count_over_time({job="a"}[5m])) by (level)`, `sum without (host) (rate({job="a"}[5m]))`,
		`sum(rate({job="a"}[5m])) without (host, job)`, `sum by () (rate({job="a"}[5m]))`, `count_over_time({job="a"}[5m] offset 1h)`,
		`sum by (level, detected_level) (count_over_time({job="a"} | drop __error__ [1s]))`, `count_over_time({job="a"}[24h])`,
		`sum by (level) (count_over_time({job="a"} |= "x" | json | logfmt | drop __error__, __error_details__ [2s]))`,
		`count_over_time({job="a"}[0s])`, `SUM BY (level) (Rate({job="a"}[5m] OFFSET -5m))`, `count_over_time({job="a"}[1d])`, `count_over_time({job="a"} | a="b" and c="d" [5m])`,
		// Constants.
		`vector(1)+vector(1)`, `vector(1)`, `1`, `1+1`, `2*3+4`, `2*(3+4)`, `-1`, `VECTOR(1)`, `2^3^2`, `1_000`, `vector(1.5) * 2`, `10 % 3 / 2 - 1`,
	} {
		if _, err := Parse(q); err != nil {
			t.Errorf("%s\n  %v", q, err)
		}
	}
}

func TestParse_OtherQueries_AreRefusedInLokisWords(t *testing.T) {
	const empty = "parse error : " + emptyCompatible
	const s = "syntax error: unexpected "
	at := func(pos, msg string) string {
		return "parse error at line " + strings.Replace(pos, ":", ", col ", 1) + ": " + msg
	}
	for _, c := range []struct{ query, want string }{
		{``, "parse error : syntax error: unexpected $end"},
		{`   `, at("1:4", s+"$end")},
		{`foo`, at("1:1", s+"IDENTIFIER")},
		{`"foo"`, at("1:1", s+"STRING")},
		{`{`, at("1:2", s+"$end, expecting IDENTIFIER or }")},
		{`}`, at("1:1", s+"}")},
		{`{}`, empty},
		{`{} |= "x"`, empty},
		{`{job=""}`, empty},
		{`{job=~""}`, empty},
		{`{job=~".*"}`, empty},
		{`{job=~"a*"}`, empty},
		{`{job!="a"}`, empty},
		{`{job!~"a"}`, empty},
		{`{job!~".+"}`, empty},
		{`{job="",host=~".*"}`, empty},
		{`count_over_time({}[5m])`, empty},
		{`sum(rate({job!="a"}[5m]))`, empty},
		{`{job='a'}`, at("1:6", s+"IDENTIFIER, expecting STRING")},
		{`{job="a",}`, at("1:10", s+"}, expecting IDENTIFIER")},
		{`{,job="a"}`, at("1:2", s+",, expecting IDENTIFIER or }")},
		{`{job="a"`, at("1:9", s+"$end, expecting } or ,")},
		{`{job="a" host="b"}`, at("1:10", s+"IDENTIFIER, expecting } or ,")},
		{`{job="a}`, at("1:6", "literal not terminated")},
		{"{job=`a}", at("1:6", "literal not terminated")},
		{"{job=\"a\n\"}", at("1:6", "literal not terminated")},
		{`{job="\d"}`, at("1:6", "invalid char escape")},
		{`{job}`, at("1:5", s+"}, expecting = or =~ or !~ or !=")},
		{`{job "a"}`, at("1:6", s+"STRING, expecting = or =~ or !~ or !=")},
		{`{job>"a"}`, at("1:5", s+">, expecting = or =~ or !~ or !=")},
		{`{job=="a"}`, at("0:5", s+"==, expecting = or =~ or !~ or !=")},
		{`{job=a}`, at("1:6", s+"IDENTIFIER, expecting STRING")},
		{`{job=5}`, at("1:6", s+"NUMBER, expecting STRING")},
		{`{job=}`, at("1:6", s+"}, expecting STRING")},
		{`{"job"="a"}`, at("1:2", s+"STRING, expecting IDENTIFIER or }")},
		{`{job.x="a"}`, at("1:5", s+"., expecting = or =~ or !~ or !=")},
		{`{job-x="a"}`, at("1:5", s+"-, expecting = or =~ or !~ or !=")},
		{`{1job="a"}`, at("1:2", s+"NUMBER, expecting IDENTIFIER or }")},
		{`up{job="a"}`, at("1:1", s+"IDENTIFIER")},
		{`{job="a"}}`, at("1:10", s+"}")},
		{`{job="a"} foo`, at("1:11", s+"IDENTIFIER")},
		{`{job="a"} "foo"`, at("1:11", s+"STRING")},
		{`{job="a"} = "foo"`, at("1:11", s+"=")},
		{`{job="a"} =~ "foo"`, at("0:11", s+"=~")},
		{`{job="a"} and {job="b"}`, "parse error : unexpected type for left leg of binary operation (and): *syntax.MatchersExpr"},
		{`{job="a"}[5m]`, at("0:10", s+"RANGE")},
		{`{job="a"} |`, at("1:12", s+"$end")},
		{`{job="a"} |=`, at("1:13", s+"$end, expecting STRING or ip")},
		{`{job="a"} |= foo`, at("1:14", s+"IDENTIFIER, expecting STRING or ip")},
		{`{job="a"} |= 5`, at("1:14", s+"NUMBER, expecting STRING or ip")},
		{`{job="a"} |= 'x'`, at("1:14", s+"IDENTIFIER, expecting STRING or ip")},
		{`{job="a"} |= "x" or`, at("1:20", s+"$end, expecting STRING or ip")},
		{`{job="a"} |= "x" and "y"`, at("1:22", s+"STRING")},
		{`{job="a"} |~ "["`, "parse error : stage '|~ \"[\"' : error parsing regexp: missing closing ]: `[`"},
		{`{job=~"["}`, "parse error : error parsing regexp: missing closing ]: `[`"},
		{`{job="a"} |~ "(?<!x)y"`, "parse error : stage '|~ \"(?<!x)y\"' : error parsing regexp: invalid named capture: `(?<!x)y`"},
		{`{job="a"} |> "<a> x"`, "parse error : stage '|> \"<a> x\"' : named captures are not allowed: found '<a>'"},
		{`{job="a"} | "x"`, at("1:13", s+"STRING")},
		{`{job="a"} | | json`, at("1:13", s+"|")},
		{`{job="a"} | json |`, at("1:19", s+"$end")},
		{`{job="a"} | level`, at("1:18", s+"$end")},
		{`{job="a"} | level "x"`, at("1:19", s+"STRING")},
		{`{job="a"} | level=`, at("1:19", s+"$end")},
		{`{job="a"} | level=x`, at("1:19", s+"IDENTIFIER")},
		{`{job="a"} | level=="x"`, at("1:20", s+"STRING")},
		{`{job="a"} | level>"x"`, at("1:19", s+"STRING")},
		{`{job="a"} | level=~5`, at("1:20", s+"NUMBER, expecting STRING")},
		{`{job="a"} | level=~5s`, at("0:20", s+"DURATION, expecting STRING")},
		{`{job="a"} | size > 5xb`, at("1:23", s+"$end")},
		{`{job="a"} | a="b" and`, at("1:22", s+"$end, expecting IDENTIFIER or (")},
		{`{job="a"} | a="b",`, at("1:19", s+"$end, expecting IDENTIFIER or (")},
		{`{job="a"} | a="b" or or c="d"`, at("1:22", s+"or, expecting IDENTIFIER or (")},
		{`{job="a"} | and a="b"`, at("1:13", s+"and")},
		{`{job="a"} | (a="b"`, at("1:19", s+"$end")},
		{`{job="a"} | ()`, at("1:14", s+"), expecting IDENTIFIER or (")},
		{`{job="a"} | a="b")`, at("1:18", s+")")},
		{`{job="a"} | level=~"["`, "parse error : error parsing regexp: missing closing ]: `[`"},
		{`{job="a"} | drop`, at("1:17", s+"$end, expecting IDENTIFIER")},
		{`{job="a"} | drop a,`, at("1:20", s+"$end, expecting IDENTIFIER")},
		{`{job="a"} | drop "a"`, at("1:18", s+"STRING, expecting IDENTIFIER")},
		{`{job="a"} | drop a=b`, at("1:20", s+"IDENTIFIER, expecting STRING")},
		{`{job="a"} | drop a > 5`, "parse error : unexpected type for left leg of binary operation (>): *syntax.PipelineExpr"},
		{`{job="a"} | logfmt --lax`, at("1:22", s+"IDENTIFIER, expecting NUMBER")},
		{"{job=\"a\"}\n  |= x", at("2:6", s+"IDENTIFIER, expecting STRING or ip")},
		{"# c\n{job=\"a\"} |= x", at("2:14", s+"IDENTIFIER, expecting STRING or ip")},
		{`{job="你好"} x`, at("1:12", s+"IDENTIFIER")},
		{`({job="a"}`, at("1:11", s+"$end")},
		{`(job="a")`, at("1:2", s+"IDENTIFIER")},
		{`count_over_time`, at("1:1", s+"IDENTIFIER")},
		{`count_over_time(`, at("1:17", s+"$end, expecting NUMBER or { or (")},
		{`count_over_time()`, at("1:17", s+"), expecting NUMBER or { or (")},
		{`count_over_time({job="a"})`, at("1:26", s+")")},
		{`count_over_time({job="a"}[5m]`, at("1:30", s+"$end, expecting )")},
		{`count_over_time({job="a"}[5m]))`, at("1:31", s+")")},
		{`count_over_time({job="a"}[5m][5m])`, at("0:30", s+"RANGE, expecting )")},
		{`count_over_time({job="a"}[5)`, "parse error at line 0, col 26: missing closing ']' in duration"},
		{`count_over_time({job="a"}[5minutes])`, at("0:26", `unknown unit "minutes" in duration "5minutes"`)},
		{`count_over_time({job="a"}[])`, at("0:26", "empty duration string")},
		{`count_over_time({job="a"}[5])`, `parse error at line 0, col 26: not a valid duration string: "5"`},
		{`count_over_time({job="a"}[ 5m ])`, `parse error at line 0, col 26: not a valid duration string: " 5m "`},
		{`count_over_time({job="a"}[1.5h])`, `parse error at line 0, col 26: unknown unit "." in duration "1.5h"`},
		{`count_over_time({job="a"}[30m1h])`, `parse error at line 0, col 26: not a valid duration string: "30m1h"`},
		{`count_over_time({job="a"}[300y])`, `parse error at line 0, col 26: duration out of range`},
		{`rate({job="a"}[5m]) by (level)`, `parse error : grouping not allowed for rate aggregation`},
		{`rate(5, {job="a"}[5m])`, `parse error : parameter 5 not supported for operation rate`},
		{`vector(-1)`, at("1:8", s+"-, expecting NUMBER")},
		{`{by="a"}`, at("1:2", s+"by, expecting IDENTIFIER or }")},
		{`{job="a"} | json | size == 20b`, at("1:31", s+"$end")},
		{`{job="a"} /* x`, at("1:11", "comment not terminated")},
		{`count_over_time({job="a"}[-5m])`, `parse error at line 0, col 26: not a valid duration string: "-5m"`},
		{`count_over_time({job="a"}[5m] offset)`, at("1:37", s+"), expecting DURATION")},
		{`unk({job="a"}[5m])`, at("1:1", s+"IDENTIFIER")},
		{`sum({job="a"})`, at("1:14", s+")")},
		{`sum`, at("1:1", s+"IDENTIFIER")},
		{`sum by (rate({job="a"}[5m]))`, at("1:9", s+"RATE, expecting IDENTIFIER or )")},
		{`sum by level (rate({job="a"}[5m]))`, at("1:1", s+"IDENTIFIER")},
		{`sum by ("level") (rate({job="a"}[5m]))`, at("1:9", s+"STRING, expecting IDENTIFIER or )")},
		{`sum by (a) (rate({job="a"}[5m])) by (b)`, at("1:34", s+"by")},
		{`vector()`, at("1:8", s+"), expecting NUMBER")},
		{`vector(a)`, at("1:8", s+"IDENTIFIER, expecting NUMBER")},
		{`vector(1`, at("1:9", s+"$end, expecting )")},
		{`vector(1)+`, at("1:11", s+"$end")},
		{`1 1`, at("1:3", s+"NUMBER")},
		{`+`, at("1:2", s+"$end, expecting NUMBER")},
		{`$`, at("1:1", s+"IDENTIFIER")},
		{"\x00", at("1:1", s+"IDENTIFIER")},
	} {
		_, err := Parse(c.query)
		if err == nil {
			t.Errorf("%s\n  was accepted, want %s", c.query, c.want)
			continue
		}
		if _, ok := errors.AsType[*ParseError](err); !ok {
			t.Errorf("%s\n  %v is no ParseError", c.query, err)
		}
		if err.Error() != c.want {
			t.Errorf("%s\n   got %s\n  want %s", c.query, err, c.want)
		}
	}
}

func TestParse_WhatOnlyLokiCanDo_IsRefusedByName(t *testing.T) {
	for query, want := range map[string]string{
		`{job="a"} |= ip("10.0.0.0/8")`:                         "ip()",
		`{job="a"} | addr = ip("10.0.0.0/8")`:                   "ip()",
		`{job="a"} | pattern "<_> <a>"`:                         "| pattern",
		`{job="a"} | regexp "(?P<a>x)"`:                         "| regexp",
		`{job="a"} | unpack`:                                    "| unpack",
		`{job="a"} | line_format "{{.a}}"`:                      "| line_format",
		`{job="a"} | label_format a=b`:                          "| label_format",
		`{job="a"} | json a="b.c"`:                              "json with expressions",
		`{job="a"} | logfmt a="b"`:                              "logfmt with expressions",
		`sum_over_time({job="a"} | unwrap x [5m])`:              "sum_over_time",
		`quantile_over_time(0.9, {job="a"} | unwrap x [5m])`:    "quantile_over_time",
		`topk(3, rate({job="a"}[5m]))`:                          "topk",
		`max(rate({job="a"}[5m]))`:                              "max",
		`sum(max(rate({job="a"}[5m])))`:                         "max",
		`sum(sum(rate({job="a"}[5m])))`:                         "sum of sum",
		`sum(vector(1))`:                                        "sum of vector",
		`vector(1) > 0`:                                         "comparisons and sets of constants",
		`vector(1) == bool 1`:                                   "bool",
		`avg by (job) (rate({job="a"}[5m]))`:                    "avg",
		`{job="a"} | json status`:                               "json with expressions",
		`rate({job="a"}[5m]) / 2`:                               "arithmetic with metrics",
		`2 * rate({job="a"}[5m])`:                               "arithmetic with metrics",
		`sum(rate({job="a"}[5m])) > 5`:                          "arithmetic with metrics",
		`rate({job="a"}[5m]) or vector(0)`:                      "arithmetic with metrics",
		`absent_over_time({job="a"}[5m])`:                       "absent_over_time",
		`label_replace(rate({job="a"}[5m]),"a","$1","b","(.)")`: "label_replace",
		`rate({job="a"} | unwrap x [5m])`:                       "| unwrap",
	} {
		_, err := Parse(query)
		if err == nil || !strings.Contains(err.Error(), "livetail does not support "+want+";") {
			t.Errorf("%s\n  got %v, want it to name %q", query, err, want)
		}
	}
}

func TestParse_ExpensiveQueries_AreRefused(t *testing.T) {
	for _, query := range []string{
		`{job="` + strings.Repeat("a", MaxQuery) + `"}`,
		`{job="a"} |~ "` + strings.Repeat(".", MaxPattern+1) + `"`,
		`{job="a"} |~ "a{1000}"`, `{job="a"} |~ "(a{30}){30}"`, `{job="a"} |~ "(a|b|c){1,300}z"`, `{job="a"} |~ "(x+x+){250}y"`,
		`{job="a"} |~ "((a{10}){10}){10}"`, `{job=~"a{900}"}`, `{job="a"} | x=~"a{900}"`, `{job="a"} |~ "a{1001}"`,
		`{job="a"}` + strings.Repeat(` |= "x"`, MaxStages+1),
		`{job="a"} |= "x"` + strings.Repeat(` or "x"`, MaxStages+1),
		`{job="a"` + strings.Repeat(`,job="a"`, MaxStages+1) + `}`,
		`{job="a"} | a="b"` + strings.Repeat(` and a="b"`, MaxStages+1),
		`{job="a"} | ` + strings.Repeat(`(`, 100) + `a="b"` + strings.Repeat(`)`, 100),
		strings.Repeat(`(`, 100) + `{job="a"}` + strings.Repeat(`)`, 100),
		strings.Repeat(`(`, 100) + `1` + strings.Repeat(`)`, 100),
		`count_over_time(` + strings.Repeat(`(`, 100) + `{job="a"}[5m]` + strings.Repeat(`)`, 101),
		`{job="a"} | drop a` + strings.Repeat(`, a`, MaxStages+1),
		`sum by (a` + strings.Repeat(`, a`, MaxStages+1) + `) (rate({job="a"}[5m]))`,
	} {
		if _, err := Parse(query); err == nil {
			t.Errorf("%.80s… was accepted", query)
		}
	}
}

func TestParseSelector_EmptyOne_MeansEverything(t *testing.T) {
	s, err := ParseSelector(`{}`)
	if err != nil || !s.Matches(func(string) string { return "" }) {
		t.Errorf("got %v %v", s, err)
	}
	if _, err := ParseSelector(`{job="a"} |= "x"`); err == nil {
		t.Error("a pipeline was accepted")
	}
	if _, err := ParseLog(`vector(1)`); err == nil {
		t.Error("a constant was accepted as a query for lines")
	}
}

func TestParse_Constants_AreCalculated(t *testing.T) {
	for query, want := range map[string]Constant{
		`vector(1)+vector(1)`: {2, true}, `1+2*3`: {7, false}, `(1+2)*3`: {9, false}, `7%4-1`: {2, false}, `vector(1)*-3`: {-3, true}, `2^3^2`: {512, false}, `-2^2`: {4, false}, `1 - -1`: {2, false}, `8/2/2`: {2, false},
	} {
		q, err := Parse(query)
		if c, ok := q.(*Constant); err != nil || !ok || *c != want {
			t.Errorf("%s: got %v %v, want %v", query, q, err, want)
		}
	}
}

// Whatever is asked, parsing ends with a query or a ParseError, and a query that was accepted runs over any line.
func FuzzParse(f *testing.F) {
	for _, q := range []string{
		`{job="a"} |= "x" or "y" != "z" | json | a="b" and c > 5s or d < 1KB | drop x, y="z"`, `sum by (level) (count_over_time({job=~"a.+"}[5m]))`,
		`vector(1)+vector(1)`, "{job=`a`} # c\n |~ `\\d` | logfmt --strict | (a>=1, b!~\"c\") d=\"e\"", `{job='a'}`, `{a="\x41"} | decolorize | keep b`,
		`rate(({job="a"})[1h30m] offset 5m)`,
	} {
		f.Add(q, `{"a":"b","c":{"d":[1,2],"e":null},"took":"1.5s"} a=b c="d e" size=5KB`)
	}
	f.Fuzz(func(t *testing.T, query, line string) {
		q, err := Parse(query)
		if err != nil {
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Errorf("%q: %v is no ParseError", query, err)
			}
			return
		}
		l, ok := q.(*Log)
		if m, isMetric := q.(*Metric); isMetric {
			l, ok = m.Log, true
		}
		if !ok {
			return
		}
		var labels Labels
		labels.Reset([]Label{{"job", "a"}, {"host", "b"}})
		l.Run([]byte(line), &labels)
		labels.Sorted()
	})
}
