package logql

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// entry is a line of the test log, and what stands in it.
type entry struct {
	n      int
	kind   string // json, logfmt or text
	level  string
	status int
	took   time.Duration
	size   int
	user   string
	line   string
}

// entries is a log of 1,000 lines of three kinds.
var entries = func() (out []entry) {
	levels := []string{"debug", "info", "warn", "error"}
	users := []string{"ann", "bob", "你好", ""}
	for n := range 1000 {
		e := entry{
			n: n, level: levels[n*7%11%4], status: 200 + n*13%5*100, took: time.Duration(n*37%5000) * time.Millisecond,
			size: n * 991 % 70000, user: users[n*5%7%4],
		}
		switch n % 3 {
		case 0:
			e.kind = "json"
			b, err := json.Marshal(map[string]any{
				"level": e.level, "msg": fmt.Sprintf("request %d \"done\"", n), "status": e.status,
				"took": e.took.String(), "size": fmt.Sprintf("%dB", e.size), "user": map[string]any{"name": e.user, "tags": []int{1, 2}}, "ok": e.status < 400,
			})
			if err != nil {
				panic(err)
			}
			e.line = string(b)
		case 1:
			e.kind = "logfmt"
			e.line = fmt.Sprintf("level=%s msg=\"request %d \\\"done\\\"\" status=%d took=%s size=%dB user_name=%s", e.level, n, e.status, e.took, e.size, e.user)
		default:
			e.kind = "text"
			e.line = fmt.Sprintf("\x1b[32m%s\x1b[0m | %s request %d done by %s", e.level, e.took, n, e.user)
		}
		out = append(out, e)
	}
	return out
}()

func TestRun_Filters_LetTheSameLinesPassAsPlainCode(t *testing.T) {
	has := func(s string) func(entry) bool { return func(e entry) bool { return strings.Contains(e.line, s) } }
	matches := func(s string) func(entry) bool {
		re := regexp.MustCompile(s)
		return func(e entry) bool { return re.MatchString(e.line) }
	}
	parsed := func(kind string, f func(entry) bool) func(entry) bool { // A label that is not there is not equal to any text.
		return func(e entry) bool { return e.kind != kind || f(e) }
	}
	only := func(kind string, f func(entry) bool) func(entry) bool {
		return func(e entry) bool { return e.kind == kind && f(e) }
	}
	for _, c := range []struct {
		pipeline string
		want     func(entry) bool
	}{
		{``, has("")},
		{`|= ""`, has("")},
		{`|= "error"`, has("error")},
		{`!= "error"`, func(e entry) bool { return !has("error")(e) }},
		{`|= "request 7"`, has("request 7")},
		{`|= "你好"`, has("你好")},
		{`|= "error" |= "bob"`, func(e entry) bool { return has("error")(e) && has("bob")(e) }},
		{`|= "error" != "bob"`, func(e entry) bool { return has("error")(e) && !has("bob")(e) }},
		{`|= "error" or "warn"`, func(e entry) bool { return has("error")(e) || has("warn")(e) }},
		{`|= "error" or "warn" or "debug" |= "ann"`, func(e entry) bool { return !has("info")(e) && has("ann")(e) }},
		{`!= "error" or "warn"`, func(e entry) bool { return !has("error")(e) && !has("warn")(e) }},
		{`|~ "request \\d{3} "`, matches(`request \d{3} `)},
		{"|~ `request 1\\d\\d`", matches(`request 1\d\d`)},
		{"!~ `request 1\\d\\d`", func(e entry) bool { return !matches(`request 1\d\d`)(e) }},
		{`|~ "(?i)ERROR"`, has("error")},
		{`|~ "error|warn"`, matches("error|warn")},
		{`|~ "error" or "war."`, matches("error|warn")},
		{`!~ "error" or "war."`, func(e entry) bool { return !matches("error|warn")(e) }},
		{`|~ "^level="`, has("level=")},
		{`|~ "bob$"`, matches("bob$")},
		{`|~ ""`, has("")},
		{`!= ""`, func(entry) bool { return false }},
		{`|= "\""`, has(`"`)},
		{"|= `\\\"`", has(`\"`)},
		{`|> "<_> | <_> request <_> done by bob"`, only("text", func(e entry) bool { return e.user == "bob" })},
		{`!> "level=<_> msg=<_>" or "{<_>}}"`, only("text", has(""))},
		{`| json`, has("")},
		{`| logfmt`, has("")},
		{`| json | level="error"`, only("json", func(e entry) bool { return e.level == "error" })},
		{`| json | level!="error"`, parsed("json", func(e entry) bool { return e.level != "error" })},
		{`| json | level=~"err.*|warn"`, only("json", func(e entry) bool { return e.level == "error" || e.level == "warn" })},
		{`| json | level=~"err"`, func(entry) bool { return false }},
		{`| json | level!~"err.*"`, parsed("json", func(e entry) bool { return e.level != "error" })},
		{`| json | __error__=""`, only("json", has(""))},
		{`| json | __error__!=""`, func(e entry) bool { return e.kind != "json" }},
		{`| json | __error__="JSONParserErr"`, func(e entry) bool { return e.kind != "json" }},
		{`| json | status=200`, only("json", func(e entry) bool { return e.status == 200 })},
		{`| json | status==200`, only("json", func(e entry) bool { return e.status == 200 })},
		{`| json | status!=200`, only("json", func(e entry) bool { return e.status != 200 })},
		{`| json | status>=400 | __error__=""`, only("json", func(e entry) bool { return e.status >= 400 })},
		{`| json | __error__="" | status>300 and status<500`, only("json", func(e entry) bool { return e.status > 300 && e.status < 500 })},
		{`| json | __error__="", status<=300`, only("json", func(e entry) bool { return e.status <= 300 })},
		{`| json | __error__="" | took > 1s`, only("json", func(e entry) bool { return e.took > time.Second })},
		{`| json | __error__="" | took <= 1.5s`, only("json", func(e entry) bool { return e.took <= 1500*time.Millisecond })},
		{`| json | __error__="" | took >= 1000ms took < 2s`, only("json", func(e entry) bool { return e.took >= time.Second && e.took < 2*time.Second })},
		{`| json | __error__="" | size > 20KB`, only("json", func(e entry) bool { return e.size > 20000 })},
		{`| json | __error__="" | size < 10KiB`, only("json", func(e entry) bool { return e.size < 10240 })},
		{`| json | __error__="" | size > 20000`, func(e entry) bool { return e.kind == "json" }}, // "…B" is no number: passes with an error
		{`| json | ok="true"`, only("json", func(e entry) bool { return e.status < 400 })},
		{`| json | user_name="bob"`, only("json", func(e entry) bool { return e.user == "bob" })},
		{`| json | user_name="你好"`, only("json", func(e entry) bool { return e.user == "你好" })},
		{`| json | user_tags!=""`, func(entry) bool { return false }},
		{`| json | msg="request 3 \"done\""`, func(e entry) bool { return e.n == 3 }},
		{`| logfmt | level="warn"`, only("logfmt", func(e entry) bool { return e.level == "warn" })},
		{`| logfmt | msg="request 4 \"done\""`, func(e entry) bool { return e.n == 4 }},
		{`| logfmt | status>=500`, only("logfmt", func(e entry) bool { return e.status >= 500 })},
		{`| logfmt | took < 100ms or size > 60KB`, only("logfmt", func(e entry) bool { return e.took < 100*time.Millisecond || e.size > 60000 })},
		{`| logfmt | (level="warn" or level="error") and status=200`,
			only("logfmt", func(e entry) bool { return (e.level == "warn" || e.level == "error") && e.status == 200 })},
		{`| logfmt | level="warn" or level="error" and status=200`,
			only("logfmt", func(e entry) bool { return e.level == "warn" || e.level == "error" && e.status == 200 })},
		{`| logfmt | level="warn", status=200 or status=300`,
			only("logfmt", func(e entry) bool { return e.level == "warn" && (e.status == 200 || e.status == 300) })},
		{`| logfmt | level="warn" or (level="error" and status=200)`,
			only("logfmt", func(e entry) bool { return e.level == "warn" || (e.level == "error" && e.status == 200) })},
		{`| logfmt | user_name="" | level!=""`, only("logfmt", func(e entry) bool { return e.user == "" })},
		{`| logfmt --keep-empty | user_name="" | level="info"`, only("logfmt", func(e entry) bool { return e.user == "" && e.level == "info" })},
		{`| logfmt --strict | __error__="" | level=~".+"`, only("logfmt", has(""))},
		{`| json | logfmt | level="debug"`, func(e entry) bool { return e.kind != "text" && e.level == "debug" }},
		{`| job="app"`, has("")},
		{`| job!="app"`, func(entry) bool { return false }},
		{`| nosuch=""`, has("")},
		{`| nosuch>1`, func(entry) bool { return false }},
		{`| json | drop __error__ | __error__=""`, has("")},
		{`| json | drop level | level=""`, has("")},
		{`| json | drop level="info" | level!=""`, only("json", func(e entry) bool { return e.level != "info" })},
		{`| json | keep level | status=""`, has("")},
		{`| json | keep level | level="info"`, only("json", func(e entry) bool { return e.level == "info" })},
		{`| decolorize |~ "^(debug|info) \\| "`, only("text", func(e entry) bool { return e.level == "debug" || e.level == "info" })},
		{`|~ "^(debug|info) \\| "`, func(entry) bool { return false }},
	} {
		t.Run(c.pipeline, func(t *testing.T) {
			l, err := ParseLog(`{job="app"} ` + c.pipeline)
			if err != nil {
				t.Fatal(err)
			}
			var labels Labels
			passed := 0
			for _, e := range entries {
				labels.Reset([]Label{{"host", "h"}, {"job", "app"}})
				_, got := l.Run([]byte(e.line), &labels)
				if want := c.want(e); got != want {
					t.Fatalf("%s\n  passes: %v, want %v (labels %v)", e.line, got, want, labels.Sorted())
				}
				if got {
					passed++
				}
			}
			t.Logf("%d of %d lines pass", passed, len(entries))
		})
	}
}

func TestRun_Parsers_MakeLabels(t *testing.T) {
	for _, c := range []struct{ name, pipeline, line, want string }{
		{"nothing", ``, `x`, `host="h" job="app"`},
		{"nested JSON", `| json`, `{"a":{"b":{"c":1}},"d":[1,{"x":2}],"e":true,"f":null,"g":1.50,"h":""}`, `a_b_c="1" e="true" g="1.50" h="" host="h" job="app"`},
		{"names that are no labels", `| json`, `{"a.b":{"c-d":"1"},"9":"2","你":"3"}`, `_="3" _9="2" a_b_c_d="1" host="h" job="app"`},
		{"a label of the log stays", `| json`, `{"job":"other","host":{"x":"y"}}`, `host="h" host_x="y" job="app" job_extracted="other"`},
		{"the first of two wins", `| json`, `{"a":"1","a":"2"}`, `a="1" host="h" job="app"`},
		{"what follows the object", `| json`, `{"a":"1"} {"b":2}`, `a="1" host="h" job="app"`},
		{"a value with a wrong escape", `| logfmt`, `k="\x" b=2`, `b="2" host="h" job="app"`},
		{"escapes", `| json`, `{"a":"\u4f60\n\"","b\u0041":"x"}`, "a=\"你\\n\\\"\" bA=\"x\" host=\"h\" job=\"app\""},
		{"space", `| json`, " { \"a\" : 1 , \"b\" : { } , \"c\" : \"d\" } ", `a="1" c="d" host="h" job="app"`},
		{"no JSON", `| json | drop __error_details__`, `x`, `__error__="JSONParserErr" host="h" job="app"`},
		{"broken JSON", `| json | drop __error_details__`, `{"a":`, `__error__="JSONParserErr" host="h" job="app"`},
		{"logfmt", `| logfmt`, `a=1 b="x y" c= d e="\"q\"" f=g=h`, `a="1" b="x y" e="\"q\"" host="h" job="app"`},
		{"the first of two wins in logfmt", `| logfmt`, `a=1 a=2 job=x job=y`, `a="1" host="h" job="app" job_extracted="x"`},
		{"empty values are kept if asked for", `| logfmt --keep-empty`, `a= b="" c`, `a="" b="" c="" host="h" job="app"`},
		{"what a broken object begins with", `| json | drop __error_details__`, `{"a":"1","b":{"c":2},"d":"`, `__error__="JSONParserErr" a="1" b_c="2" host="h" job="app"`},
		{"no duration", `| logfmt | a > 5s`, `a=x`, `__error__="LabelFilterErr" __error_details__="time: invalid duration \"x\"" a="x" host="h" job="app"`},
		{"strict logfmt, and where it is broken", `| logfmt --strict`, `a=1 b=c=d e=2`, `__error__="LogfmtParserErr" __error_details__="logfmt syntax error at pos 8 : unexpected '='" a="1" host="h" job="app"`},
		{"logfmt in a sentence", `| logfmt`, `2020-09-17 some "quoted" words took=5ms`, `host="h" job="app" took="5ms"`},
		{"logfmt without the end of a value", `| logfmt`, `a=1 b="x`, `a="1" host="h" job="app"`},
		{"strict logfmt", `| logfmt --strict | drop __error_details__`, `a=1 b="x`, `__error__="LogfmtParserErr" a="1" host="h" job="app"`},
		{"no number", `| logfmt | a > 5 | drop __error_details__`, `a=x`, `__error__="LabelFilterErr" a="x" host="h" job="app"`},
		{"drop", `| logfmt | drop host, a, b="x", c=~"y"`, `a=1 b=2 c=y`, `b="2" job="app"`},
		{"keep", `| logfmt | keep host, a, b="x"`, `a=1 b=2 c=y`, `a="1" host="h"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseLog(`{job="app"} ` + c.pipeline)
			if err != nil {
				t.Fatal(err)
			}
			var labels Labels
			labels.Reset([]Label{{"job", "app"}, {"host", "h"}})
			if _, ok := l.Run([]byte(c.line), &labels); !ok {
				t.Fatal("the line did not pass")
			}
			var got []string
			for _, x := range labels.Sorted() {
				got = append(got, fmt.Sprintf("%s=%q", x.Name, x.Value))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("\n got %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestRun_LineWithManyFields_GivesABoundedNumberOfLabels(t *testing.T) {
	l, err := ParseLog(`{job="a"} | logfmt`)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range 10 * MaxExtracted {
		fmt.Fprintf(&b, "k%d=v ", i)
	}
	var labels Labels
	labels.Reset([]Label{{"job", "a"}})
	l.Run([]byte(b.String()), &labels)
	if n := len(labels.Sorted()); n > MaxExtracted+1 {
		t.Errorf("%d labels", n)
	}
}

func TestRun_Decolorize_TakesColoursOut(t *testing.T) {
	l, err := ParseLog(`{job="a"} | decolorize`)
	if err != nil {
		t.Fatal(err)
	}
	var labels Labels
	got, _ := l.Run([]byte("\x1b[32;1mgreen\x1b[0m \x1b[38:5:1mred"), &labels)
	if string(got) != "green red" {
		t.Errorf("got %q", got)
	}
}

func TestGroup_SumKeepsWhatItIsAskedFor(t *testing.T) {
	for query, want := range map[string][]string{
		`sum by (level) (rate({job="a"}[5m]))`:         {"level"},
		`sum by (level, nosuch) (rate({job="a"}[5m]))`: {"level"},
		`sum without (level) (rate({job="a"}[5m]))`:    {"host", "job"},
		`sum(rate({job="a"}[5m]))`:                     nil,
		`rate({job="a"}[5m])`:                          {"host", "job", "level"},
	} {
		q, err := Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		var labels Labels
		labels.Reset([]Label{{"job", "a"}, {"level", "info"}, {"host", "h"}})
		q.(*Metric).Group(&labels)
		names := map[string]bool{}
		for _, l := range labels.Sorted() {
			names[l.Name] = true
		}
		if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// Of a line that is longer than regular expressions look at, the rest is still searched for texts.
func TestRun_LongLine_IsSearchedForTextsToItsEnd(t *testing.T) {
	line := []byte(strings.Repeat("x", 2*MaxMatched) + "needle")
	for query, want := range map[string]bool{`{job="a"} |= "needle"`: true, `{job="a"} |~ "needle"`: true, `{job="a"} |~ "need.e"`: false} {
		l, err := ParseLog(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := l.Run(line, &Labels{}); got != want {
			t.Errorf("%s: got %v", query, got)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, pipeline := range []string{`|= "error"`, `|~ "err.r"`, `| json`, `| logfmt | level="error"`, `| json | took > 1s and status>=400`} {
		b.Run(pipeline, func(b *testing.B) {
			l, err := ParseLog(`{job="app"} ` + pipeline)
			if err != nil {
				b.Fatal(err)
			}
			var labels Labels
			base := []Label{{"host", "h"}, {"job", "app"}}
			lines := make([][]byte, len(entries))
			for i, e := range entries {
				lines[i] = []byte(e.line)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				labels.Reset(base)
				l.Run(lines[i%len(lines)], &labels)
				i++
			}
		})
	}
}
