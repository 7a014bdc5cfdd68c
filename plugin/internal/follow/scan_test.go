package follow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/tail"
)

// scanned is what all calls of a scan together have found.
type scanned struct {
	texts   []string
	matches []tail.Match
	counts  map[int64][tail.Levels]int64
	calls   int
	last    tail.ScanReport
}

// scan goes on from call to call until there is no more.
func (w *world) scan(req tail.ScanRequest) scanned {
	w.t.Helper()
	path, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	out := scanned{counts: map[int64][tail.Levels]int64{}}
	for {
		out.calls++
		out.last = tail.ScanReport{}
		for r, err := range w.e.Scan(w.t.Context(), path, req) {
			w.must(err)
			for _, m := range r.Matches {
				out.texts = append(out.texts, string(m.Text))
				out.matches = append(out.matches, m)
			}
			for _, c := range r.Counts {
				sum := out.counts[c.Start]
				for i, n := range c.Lines {
					sum[i] += n
				}
				out.counts[c.Start] = sum
			}
			out.last = r
		}
		switch out.last.End {
		case tail.ScanAll:
			return out
		case tail.ScanGoesOn:
			w.t.Fatal("the scan ended without saying why")
		}
		if out.calls > 100_000 {
			w.t.Fatal("the scan does not come to its end")
		}
		req.At = out.last.At
	}
}

// madeLine is a line as the tests make them, with what is to be found out about it.
type madeLine struct {
	text  string
	time  time.Time
	level tail.Level
}

func madeLines(r *rand.Rand, n int, from time.Time) (lines []madeLine) {
	words := map[tail.Level]string{tail.LevelInfo: "INFO ", tail.LevelWarn: "WARNING", tail.LevelError: "ERROR", tail.LevelNone: "plain"}
	levels := []tail.Level{tail.LevelInfo, tail.LevelInfo, tail.LevelInfo, tail.LevelWarn, tail.LevelError, tail.LevelNone}
	for i := range n {
		from = from.Add(time.Duration(1+r.IntN(400)) * time.Millisecond)
		l := levels[r.IntN(len(levels))]
		rest := strings.Repeat("x", r.IntN(80))
		if r.IntN(200) == 0 {
			rest = strings.Repeat("y", r.IntN(300<<10)) // More than one piece.
		}
		lines = append(lines, madeLine{fmt.Sprintf("%s | %s | %06d %s\n", from.Format("2006-01-02 15:04:05.000"), words[l], i, rest), from, l})
	}
	return lines
}

// write makes the files of a log of these lines: archives, rotated files, and the live one with an unfinished line at its end.
func (w *world) writeGenerations(r *rand.Rand, lines []madeLine) {
	gens := 1 + r.IntN(5)
	for g := range gens {
		part := lines[len(lines)*g/gens : len(lines)*(g+1)/gens]
		var b strings.Builder
		for _, l := range part {
			b.WriteString(l.text)
		}
		switch age := gens - 1 - g; {
		case age == 0:
			w.write("app.log", b.String()+"2026-11-23 23:59:59.000 | ERROR | not finished")
		case r.IntN(2) == 0:
			w.gzip(fmt.Sprintf("app.log.%d.gz", age), b.String())
		default:
			w.write(fmt.Sprintf("app.log.%d", age), b.String())
		}
		when := part[len(part)-1].time
		if age := gens - 1 - g; age > 0 {
			for _, name := range []string{fmt.Sprintf("app.log.%d.gz", age), fmt.Sprintf("app.log.%d", age)} {
				if err := os.Chtimes(w.path(name), when, when); err != nil && !errors.Is(err, os.ErrNotExist) {
					w.t.Fatal(err)
				}
			}
		}
	}
}

// Whatever the log is made of, in whichever direction, in however many calls: a scan finds what looking at each line finds, once.
func TestScan_AnyLogInAnyDirectionAndAnyPieces_IsWhatLookingAtEachLineFinds(t *testing.T) {
	runs := 30
	if testing.Short() {
		runs = 8
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			w := newWorld(t, nil)
			start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local)
			lines := madeLines(r, 50+r.IntN(4000), start)
			w.writeGenerations(r, lines)
			for range 6 {
				req := tail.ScanRequest{Backward: r.IntN(2) == 0, Bytes: int64(r.IntN(3)) * (1 + r.Int64N(1<<20))}
				if r.IntN(2) == 0 {
					req.Filter.Include = []string{[]string{"ERROR", "[0-9]7 x", "9"}[r.IntN(3)]}
				}
				if r.IntN(2) == 0 {
					req.Since = lines[r.IntN(len(lines))].time.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
				}
				if r.IntN(2) == 0 {
					req.Until = lines[r.IntN(len(lines))].time.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
					if !req.Since.IsZero() && !req.Since.Before(req.Until) {
						req.Until = req.Since.Add(time.Second)
					}
				}
				m, err := compile(req.Filter)
				w.must(err)
				var want []madeLine
				for _, l := range lines {
					if m.pass([]byte(l.text)) && (req.Since.IsZero() || !l.time.Before(req.Since)) && (req.Until.IsZero() || l.time.Before(req.Until)) {
						want = append(want, l)
					}
				}
				if r.IntN(2) == 0 {
					req.Bucket = []time.Duration{time.Second, 7 * time.Second, time.Minute}[r.IntN(3)]
					counts := map[int64][tail.Levels]int64{}
					for _, l := range want {
						at := l.time.UnixNano() - mod(l.time.UnixNano(), int64(req.Bucket))
						sum := counts[at]
						sum[l.level]++
						counts[at] = sum
					}
					if got := w.scan(req); fmt.Sprint(got.counts) != fmt.Sprint(counts) {
						t.Errorf("%+v: in %d calls got\n%v, want\n%v", req, got.calls, got.counts, counts)
					}
					continue
				}
				req.Matches = 1 + r.IntN(tail.MaxMatches)
				got := w.scan(req)
				if req.Backward {
					slices.Reverse(want)
				}
				if len(got.matches) != len(want) {
					t.Fatalf("%+v: in %d calls %d matches, want %d", req, got.calls, len(got.matches), len(want))
				}
				for i, m := range got.matches {
					text := strings.TrimSuffix(want[i].text, "\n")
					if !strings.HasPrefix(text, string(m.Text)) || m.Cut != (len(text) > tail.MaxMatchText) || m.Level != want[i].level || !m.Time.Equal(want[i].time) {
						t.Fatalf("%+v: match %d is %s (%s at %v), want %s", req, i, brief(string(m.Text)), m.Level, m.Time, brief(text))
					}
				}
			}
		})
	}
}

func TestScan_EachMatch_IsAtItsPosition(t *testing.T) {
	w := rotatedWorld(t)
	path, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	got := w.scan(tail.ScanRequest{Matches: 4, Backward: true, Filter: tail.Filter{Include: []string{"[37]$"}}})
	if len(got.matches) != 14 {
		t.Fatalf("%d matches, want 14", len(got.matches))
	}
	for _, m := range got.matches {
		page, err := w.e.Read(t.Context(), path, tail.ReadRequest{At: m.At, Lines: 1})
		w.must(err)
		if text := strings.TrimSuffix(pageText(page), "\n"); text != string(m.Text) {
			t.Errorf("at %s stands %q, want %q", m.At, text, m.Text)
		}
	}
}

// The page counts what is new by going on from where it has counted.
func TestScan_GoingOnAfterTheEnd_CountsWhatIsNewThroughARotation(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 10)+"unfin")
	req := tail.ScanRequest{Bucket: time.Hour}
	got := w.scan(req)
	total := func(s scanned) (n int64) {
		for _, c := range s.counts {
			for _, lines := range c {
				n += lines
			}
		}
		return n
	}
	if total(got) != 10 {
		t.Fatalf("%d lines, want 10", total(got))
	}
	w.write("app.log", "ished\n"+numbered(10, 12))
	w.rename("app.log", "app.log.1")
	w.write("app.log", numbered(12, 20))
	req.At = got.last.At
	if got = w.scan(req); total(got) != 11 {
		t.Errorf("%d new lines, want 11", total(got))
	}
	req.At = got.last.At
	if got = w.scan(req); total(got) != 0 {
		t.Errorf("%d new lines, want none", total(got))
	}
}

func TestScan_OtherEncodings_FindLinesAtTheirOffsets(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Encodings = assume(t, encoding.UTF16LE) })
	w.write("app.log", utf16le("ERROR 一\nother\nERROR 你好 two\nlast\n"))
	for _, backward := range []bool{false, true} {
		got := w.scan(tail.ScanRequest{Matches: 1, Backward: backward, Filter: tail.Filter{Include: []string{"ERROR"}}})
		if backward {
			slices.Reverse(got.texts)
		}
		if want := []string{"ERROR 一", "ERROR 你好 two"}; !slices.Equal(got.texts, want) {
			t.Errorf("backward %v: got %q, want %q", backward, got.texts, want)
		}
	}
}

func TestScan_DamagedArchiveAndUnreadableFiles_AreCounted(t *testing.T) {
	w := newWorld(t, nil)
	w.gzip("app.log.2.gz", numbered(0, 5000))
	data, err := os.ReadFile(w.path("app.log.2.gz"))
	w.must(err)
	w.must(os.WriteFile(w.path("app.log.2.gz"), data[:len(data)/2], 0o644))
	w.write("app.log.1", numbered(5000, 5010))
	w.write("app.log", numbered(5010, 5020))
	got := w.scan(tail.ScanRequest{Matches: 1000, Backward: true, Filter: tail.Filter{Include: []string{"[02468]0$|line 00[56]"}}})
	if got.last.Skipped != 1 {
		t.Errorf("%d generations were skipped, want 1", got.last.Skipped)
	}
	if len(got.texts) < 20 || got.calls != 1 || got.texts[0] != "line 005019" {
		t.Errorf("%d matches, the first is %q", len(got.texts), got.texts[0])
	}
}

func TestScan_PositionThatIsGone_SaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 10))
	end := w.all(tail.StartAtEnd()).at
	w.must(os.Truncate(w.path("app.log"), 0))
	w.write("app.log", numbered(50, 55))
	path, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	for _, err = range w.e.Scan(t.Context(), path, tail.ScanRequest{At: end, Matches: 1}) {
		if err != nil {
			break
		}
	}
	if !errors.Is(err, tail.ErrPositionGone) {
		t.Errorf("got %v", err)
	}
}

func TestScan_CancelledOrLeft_EndsAtOnceAndHoldsNothing(t *testing.T) {
	w := newWorld(t, nil)
	// A report is full after 4,000 seconds with a line in each, which are a hundredth of this.
	var b strings.Builder
	for at, n := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0; n < 400_000; n++ {
		b.WriteString(at.Add(time.Duration(n)*time.Second).Format(time.RFC3339) + " line\n")
	}
	w.gzip("app.log.1.gz", b.String()[:b.Len()/2])
	w.write("app.log", b.String()[b.Len()/2:])
	path, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	req := tail.ScanRequest{Bucket: time.Second, Backward: true}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err = range w.e.Scan(ctx, path, req) {
		cancel()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for range w.e.Scan(t.Context(), path, req) {
		break
	}
	if n := len(w.e.turns); n > 0 {
		t.Errorf("%d scans are still at work", n)
	}
	w.e.mu.Lock()
	l := w.e.logs[path]
	w.e.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users > 0 {
		t.Errorf("%d users are left", l.users)
	}
	for _, g := range l.chain {
		if g.readers > 0 {
			t.Errorf("%s has %d readers", g.name, g.readers)
		}
	}
}

func TestScan_ExpensiveRequest_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 1))
	path, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	for _, req := range []tail.ScanRequest{
		{}, {Matches: 1, Bucket: time.Second}, {Matches: tail.MaxMatches + 1}, {Matches: -1}, {Bucket: time.Microsecond}, {Matches: 1, Bytes: -1},
		{Matches: 1, Filter: tail.Filter{Include: []string{"("}}},
		{Matches: 1, Since: time.Unix(2, 0), Until: time.Unix(1, 0)},
	} {
		for _, err := range w.e.Scan(t.Context(), path, req) {
			if !errors.Is(err, tail.ErrBadRequest) {
				t.Errorf("%+v: %v", req, err)
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	lines := madeLines(rand.New(rand.NewPCG(1, 1)), 20_000, time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local))
	var text strings.Builder
	for _, l := range lines {
		if len(l.text) < 1000 {
			text.WriteString(l.text)
		}
	}
	dir := b.TempDir()
	whole := strings.Repeat(text.String(), 16)
	if err := os.WriteFile(filepath.Join(dir, "app.log"), []byte(whole), 0o600); err != nil {
		b.Fatal(err)
	}
	e, path := benchEngine(b, dir)
	for name, req := range map[string]tail.ScanRequest{
		"words":  {Matches: 1, Backward: true, Filter: tail.Filter{Include: []string{"nowhere"}}},
		"regexp": {Matches: 1, Backward: true, Filter: tail.Filter{Include: []string{`nowhere|not [0-9]+ here`}}},
		"counts": {Bucket: time.Second, Backward: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(whole)))
			for b.Loop() {
				for _, err := range e.Scan(b.Context(), path, req) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
