package loki

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/loki/logql"
	"github.com/livetail/livetail/plugin/tail"
)

func TestRecords_LongLineInPieces_IsPutTogether(t *testing.T) {
	piece := func(text string, p tail.Piece, at int64) tail.Event {
		return tail.Lines{Text: []byte(text), Piece: p, Times: []int64{at}}
	}
	got, _, _ := recordsOf([]tail.Event{
		piece("tail of one\n", tail.PieceLast, 5),
		tail.Lines{Text: []byte("a\r\n\nb"), Times: []int64{6, 7, 8}},
		piece("x", tail.PieceFirst, 9), piece("y", tail.PieceMiddle, 9), piece("z\n", tail.PieceLast, 9),
		tail.Late{Lines: tail.Lines{Text: []byte("late\n"), Times: []int64{10}}},
		piece("start of one", tail.PieceFirst, 12),
	}, clock{now: time.Now})
	var text []string
	for _, r := range got {
		text = append(text, fmt.Sprintf("%d %s", r.at, r.line))
	}
	want := []string{"5 tail of one", "6 a", "7 ", "8 b", "9 xyz", "10 late", "12 start of one"}
	if !slices.Equal(text, want) {
		t.Errorf("\n got %q\nwant %q", text, want)
	}
}

func TestLevelOf_UsualLines(t *testing.T) {
	for line, want := range map[string]string{
		"2020-09-17 08:59:00.123 | INFO     | x":         "info",
		"2020-09-17 08:59:00.123 | SUCCESS  | x":         "info",
		"\x1b[32m2020\x1b[0m | \x1b[31;1mERROR\x1b[0m x": "error",
		`{"level":"warn","msg":"ERROR"}`:                 "warn",
		`level=error msg=x`:                              "error",
		`lvl="dbg" x`:                                    "debug",
		`time="x" level=warning msg="x"`:                 "warn",
		"2020/09/17 08:59:00 [error] 7#7: x":             "error",
		"I0917 08:59:00.123456 1 main.go:7] x":           "info",
		"E0917 08:59:00.123456 1 main.go:7] x":           "error",
		"<warn> x":                                       "warn",
		"no error was found":                             "unknown",
		"ERRORS":                                         "unknown",
		"":                                               "unknown",
		"CRITICAL:root:x":                                "critical",
		"x FATAL y":                                      "fatal",
	} {
		if got := levelOf([]byte(line)); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

func TestParseTime_AllForms(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1e9, "4000000000": 4e18, "40000000000": 40000000000, "1600333140.123": 1600333140123000000, "2020-09-17T08:59:00.5Z": 1600333140500000000,
		"1600333140123456789": 1600333140123456789, "-5": -5e9, "99999999999999999": 99999999999999999,
	} {
		got, err := parseTime(text, noon)
		if err != nil || nano(got) != want {
			t.Errorf("%s: got %v %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "1e400.0", "NaN.", "1.5.5", "2020-09-17", "99999999999999999999"} {
		if got, err := parseTime(text, noon); err == nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// Whatever bytes a line is made of, the answer is JSON that reads back as the same text, with U+FFFD for what is no UTF-8.
func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\r\t\x00\x1f\x7f 你好 \xff\xe4\xbd \u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := appendString(nil, s)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if other := appendString(nil, []byte(s)); string(other) != string(b) {
			t.Errorf("bytes give %s, a string %s", other, b)
		}
	})
}

// What a live tail does with each line, from the batch to the message.
func BenchmarkTailLines(b *testing.B) {
	for _, query := range []string{`{job="app"}`, `{job="app"} |= "error"`, `{job="app"} | logfmt`} {
		b.Run(query, func(b *testing.B) {
			q, err := logql.ParseLog(query)
			if err != nil {
				b.Fatal(err)
			}
			s := New(Options{Tailer: newMemory(), Host: "h"})
			t := &tailing{server: s}
			st := stream{labels: s.labelsOf("/var/log/app.log")}
			var l tail.Lines
			for i := range 1000 {
				l.Text = append(l.Text, "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - a=1 b=\"two\" 你好aaa\n"...)
				l.Times = append(l.Times, int64(i))
			}
			p, a := newProcessor(q), assembler{clock: clock{now: time.Now}}
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				if lines := t.process(p, &st, a.add(l)); len(lines) > 0 {
					out = appendTail(out[:0], lines)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/line")
		})
	}
}
