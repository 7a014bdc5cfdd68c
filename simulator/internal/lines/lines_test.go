package lines_test

import (
	"bytes"
	"encoding/json"
	"html"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/livetail/livetail/simulator/internal/lines"
)

var noon = time.Date(2020, 9, 17, 8, 59, 0, 123_456_000, time.UTC)

func formatter(t testing.TB, o lines.Options) *lines.Formatter {
	t.Helper()
	f, err := lines.NewFormatter(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func only(f lines.Format) []lines.Share { return []lines.Share{{Format: f, Weight: 1}} }

func TestAppend_Loguru_IsTheReferenceLine(t *testing.T) {
	f := formatter(t, lines.Options{})
	got, n := f.Append(nil, &lines.Record{Time: noon, Level: lines.Info, Message: lines.DefaultMessage})
	want := "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa\n"
	if string(got) != want || n != 1 {
		t.Errorf("got %d lines %q, want %q", n, got, want)
	}
}

func TestAppend_EachFormat_LooksAsItsReadersExpect(t *testing.T) {
	want := map[lines.Format]string{
		lines.Loguru: "2020-09-17 08:59:00.123 | WARNING  | __main__:<module>:30 - say \"hi\"\n",
		lines.JSON:   `{"time":"2020-09-17T08:59:00.123Z","level":"warning","message":"say \"hi\""}` + "\n",
		lines.Logfmt: `time=2020-09-17T08:59:00.123Z level=warning msg="say \"hi\""` + "\n",
		lines.Nginx:  `127.0.0.1 - - [17/Sep/2020:08:59:00 +0000] "GET /orders HTTP/1.1" 404 612 "-" "say \"hi\""` + "\n",
		lines.Klog:   "W0917 08:59:00.123456       1 main.go:30] say \"hi\"\n",
		lines.Syslog: "<12>1 2020-09-17T08:59:00.123Z host simulator 1 - - say \"hi\"\n",
	}
	for _, format := range lines.Formats() {
		got, _ := formatter(t, lines.Options{Formats: only(format)}).Append(nil, &lines.Record{Time: noon, Level: lines.Warning, Message: `say "hi"`})
		if string(got) != want[format] {
			t.Errorf("%s: got %q, want %q", format, got, want[format])
		}
	}
}

func TestParse_EachFormatWithTraces_EveryLineIsGenuineAndNumbered(t *testing.T) {
	for _, format := range lines.Formats() {
		for _, color := range []bool{false, format == lines.Loguru} {
			f := formatter(t, lines.Options{Formats: only(format), Sequence: true, Color: color, Length: lines.Length{Min: 120, Max: 120}})
			s := lines.NewSource(lines.SourceOptions{Message: `你好 #1.2 "<b>&amp;"`, Levels: true, TraceEvery: 3, Seed: 1})
			var out []byte
			total := 0
			for range 100 {
				r := s.Next(noon, 100)
				var n int
				out, n = f.Append(out, &r)
				total += n
			}
			all := strings.SplitAfter(strings.TrimSuffix(string(out), "\n"), "\n")
			if len(all) != total || f.Next() != uint64(total)+1 {
				t.Fatalf("%s: %d lines, said %d, next %d", format, len(all), total, f.Next())
			}
			for i, line := range all {
				plain := lines.StripANSI(nil, []byte(strings.TrimSuffix(line, "\n")))
				m, v := lines.Parse(plain)
				if v != lines.Genuine || m.Sequence != uint64(i)+1 || string(m.Stream) != lines.DefaultStream || !m.Time.Equal(noon) {
					t.Fatalf("%s: line %q: %v %+v", format, plain, v, m)
				}
				if format == lines.JSON && !json.Valid(plain) {
					t.Fatalf("not JSON: %s", plain)
				}
			}
		}
	}
}

func TestParse_TextAround_StaysGenuine(t *testing.T) {
	f := formatter(t, lines.Options{Sequence: true})
	out, _ := f.Append(nil, &lines.Record{Time: noon, Message: "<i>你好</i> & more"})
	line := string(bytes.TrimSuffix(out, []byte("\n")))
	for name, around := range map[string]string{
		"prefix": "2026-01-01T00:00:00Z stdout F " + line,
		"suffix": line + "\r",
		"both":   "#torn 7" + line + " #0 [#tag]",
		"html":   string(lines.StripHTML(nil, []byte(`<span style="color:#f00">`+html.EscapeString(line)+`</span><br>`))),
	} {
		if m, v := lines.Parse([]byte(around)); v != lines.Genuine || m.Sequence != 1 {
			t.Errorf("%s: %q: verdict %v, sequence %d", name, around, v, m.Sequence)
		}
	}
}

func TestParse_AnyByteChanged_IsNeverGenuine(t *testing.T) {
	f := formatter(t, lines.Options{Sequence: true})
	out, _ := f.Append(nil, &lines.Record{Time: noon, Message: lines.DefaultMessage})
	line := bytes.TrimSuffix(out, []byte("\n"))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range line {
		for range 20 {
			changed := bytes.Clone(line)
			changed[i] ^= byte(1 + random.IntN(255))
			if m, v := lines.Parse(changed); v == lines.Genuine {
				t.Fatalf("byte %d changed: %q is genuine, %+v", i, changed, m)
			}
		}
		if _, v := lines.Parse(line[:i]); v == lines.Genuine {
			t.Fatalf("cut at %d is genuine", i)
		}
	}
	// Without its beginning the line is not as it was written.
	if _, v := lines.Parse(line[1:]); v != lines.Corrupt {
		t.Errorf("verdict on a line without its first byte: %v", v)
	}
}

func TestSource_SameSeed_SameRecords(t *testing.T) {
	o := lines.SourceOptions{Message: "m", Levels: true, TraceEvery: 7, Seed: 42}
	a, b := lines.NewSource(o), lines.NewSource(o)
	levels := map[lines.Level]int{}
	for i := range 1000 {
		x, y := a.Next(noon, 10), b.Next(noon, 10)
		levels[x.Level]++
		if x.Level != y.Level || len(x.Trace) != len(y.Trace) {
			t.Fatalf("record %d differs: %+v, %+v", i, x, y)
		}
	}
	if len(levels) != 6 {
		t.Errorf("levels %v, want all six", levels)
	}
}

func TestSource_Limit_CutsTheTrace(t *testing.T) {
	s := lines.NewSource(lines.SourceOptions{Message: "m", TraceEvery: 1})
	if r := s.Next(noon, 1); len(r.Trace) != 0 {
		t.Errorf("%d lines of trace, want none", len(r.Trace))
	}
	if r := s.Next(noon, 3); len(r.Trace) != 2 {
		t.Errorf("%d lines of trace, want 2", len(r.Trace))
	}
}

func TestLogrus_WritesTheSameBytes(t *testing.T) {
	o := lines.Options{Sequence: true, Color: true}
	direct, through := formatter(t, o), formatter(t, o)
	var got bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&got)
	logger.SetLevel(logrus.TraceLevel)
	logger.SetFormatter(lines.LogrusFormatter{Formatter: through})
	s := lines.NewSource(lines.SourceOptions{Message: lines.DefaultMessage, Levels: true, TraceEvery: 5})
	var want []byte
	for range 500 {
		r := s.Next(noon, 100)
		want, _ = direct.Append(want, &r)
		lines.Log(logger, &r)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("logrus wrote other bytes than the formatter")
	}
}

func TestNewFormatter_Nonsense_IsRefused(t *testing.T) {
	for _, o := range []lines.Options{
		{Formats: only("xml")}, {Stream: "A"}, {Stream: strings.Repeat("a", 17)}, {Color: true, Formats: only(lines.JSON)},
		{Length: lines.Length{Min: -1}}, {Length: lines.Length{Min: 2, Max: 1}}, {Length: lines.Length{Max: lines.MaxMessage + 1}},
		{Formats: []lines.Share{{Format: lines.JSON, Weight: 0}}},
	} {
		if _, err := lines.NewFormatter(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	for _, m := range []string{"a\nb", "\x1b[0m", "\xff", strings.Repeat("a", lines.MaxMessage+1)} {
		if lines.CheckMessage(m) == nil {
			t.Errorf("message %.20q is accepted", m)
		}
	}
}

func FuzzParse(f *testing.F) {
	fm := formatter(f, lines.Options{Sequence: true})
	out, _ := fm.Append(nil, &lines.Record{Time: noon, Message: "seed"})
	f.Add(out, "prefix ")
	f.Add([]byte("#sim.1.2.3.00000000"), "#")
	f.Add([]byte("\x1b[1m#<&#x4f60;&amp;>"), "&#;")
	f.Fuzz(func(t *testing.T, b []byte, prefix string) {
		// Whatever arrives, nothing panics, and what was written is recognised behind any prefix.
		lines.Parse(b)
		lines.StripANSI(nil, b)
		lines.StripHTML(nil, b)
		message := strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == 0x1b {
				return '.'
			}
			return r
		}, strings.ToValidUTF8(string(b), "?"))
		if lines.CheckMessage(message) != nil {
			return
		}
		fm := formatter(t, lines.Options{Sequence: true, First: 77})
		out, _ := fm.Append([]byte(prefix), &lines.Record{Time: noon, Message: message})
		if m, v := lines.Parse(out[:len(out)-1]); v != lines.Genuine || m.Sequence != 77 {
			t.Errorf("%q: verdict %v, %+v", out, v, m)
		}
		if got := lines.StripHTML(nil, []byte(html.EscapeString(message))); string(got) != strings.ReplaceAll(message, "\x00", "\ufffd") && string(got) != message {
			t.Errorf("HTML of %q comes back as %q", message, got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	fm := formatter(b, lines.Options{Sequence: true})
	r := lines.Record{Time: noon, Level: lines.Info, Message: lines.DefaultMessage}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = fm.Append(buf[:0], &r)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkParse(b *testing.B) {
	fm := formatter(b, lines.Options{Sequence: true})
	out, _ := fm.Append(nil, &lines.Record{Time: noon, Level: lines.Info, Message: lines.DefaultMessage})
	out = out[:len(out)-1]
	b.ReportAllocs()
	b.SetBytes(int64(len(out)))
	for b.Loop() {
		if _, v := lines.Parse(out); v != lines.Genuine {
			b.Fatal(v)
		}
	}
}

func BenchmarkLogrus(b *testing.B) {
	fm := formatter(b, lines.Options{Sequence: true})
	logger := logrus.New()
	logger.SetOutput(discard{})
	logger.SetFormatter(lines.LogrusFormatter{Formatter: fm})
	r := lines.Record{Time: noon, Level: lines.Info, Message: lines.DefaultMessage}
	b.ReportAllocs()
	for b.Loop() {
		lines.Log(logger, &r)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
