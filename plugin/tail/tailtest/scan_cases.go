package tailtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// scanned is what one or more Scan calls have found.
type scanned struct {
	matches []tail.Match
	counts  map[int64][tail.Levels]int64
	calls   int
}

func (s scanned) texts() (out []string) {
	for _, m := range s.matches {
		out = append(out, string(m.Text))
	}
	return out
}

// scan goes on, call after call, until there is no more.
func (s *suite) scan(req tail.ScanRequest) scanned {
	s.t.Helper()
	req.Log = s.log.Name()
	out := scanned{counts: map[int64][tail.Levels]int64{}}
	for {
		out.calls++
		var last tail.ScanReport
		for r, err := range s.tailer.Scan(s.context(), req) {
			if err != nil {
				s.t.Fatalf("Scan: %v", err)
			}
			if last.End != tail.ScanGoesOn {
				s.t.Fatal("a report follows the last one")
			}
			if r.Scanned < last.Scanned || r.Left < 0 {
				s.t.Fatalf("%d bytes looked at after %d, %d left", r.Scanned, last.Scanned, r.Left)
			}
			out.matches = append(out.matches, r.Matches...)
			for _, c := range r.Counts {
				sum := out.counts[c.Start]
				for level, n := range c.Lines {
					sum[level] += n
				}
				out.counts[c.Start] = sum
			}
			last = r
		}
		switch last.End {
		case tail.ScanAll:
			return out
		case tail.ScanGoesOn:
			s.t.Fatal("the scan ended without saying why")
		}
		if out.calls > 10_000 {
			s.t.Fatal("the scan does not come to its end")
		}
		req.At = last.At
	}
}

// scanLog has two generations of 60 lines each, every fifth of which is an error.
func (s *suite) scanLog() (errors []string) {
	for gen := range 2 {
		var b strings.Builder
		for i := range 60 {
			level := "INFO"
			if i%5 == 0 {
				level = "ERROR"
				errors = append(errors, fmt.Sprintf("%s line %d of %d", level, i, gen))
			}
			fmt.Fprintf(&b, "%s line %d of %d\n", level, i, gen)
		}
		s.log.Append(b.String())
		if gen == 0 {
			s.log.Rotate()
		}
	}
	return errors
}

func testScanMatches(t *testing.T, s *suite) {
	if !s.can(tail.CapabilityScan) {
		t.Skip("the tailer does not scan")
	}
	want := s.scanLog()
	s.log.Append("ERROR not finished")
	for _, backward := range []bool{false, true} {
		for _, most := range []int{1, 7, 24, tail.MaxMatches} {
			got := s.scan(tail.ScanRequest{Filter: tail.Filter{Include: []string{"ERROR"}}, Matches: most, Backward: backward})
			texts := got.texts()
			if backward {
				slices.Reverse(texts)
			}
			if !slices.Equal(texts, want) {
				t.Errorf("backward %v, %d at a time: got %q, want %q", backward, most, texts, want)
			}
			for _, m := range got.matches {
				if m.Level != tail.LevelError {
					t.Errorf("%q has level %q", m.Text, m.Level)
				}
				if _, text := s.page(tail.ReadRequest{At: m.At, Lines: 1}); text != string(m.Text)+"\n" {
					t.Errorf("at the position of %q stands %q", m.Text, text)
				}
			}
		}
	}
	if got := s.scan(tail.ScanRequest{Matches: 5, Bytes: 100, Filter: tail.Filter{Include: []string{"ERROR"}}}); !slices.Equal(got.texts(), want) {
		t.Errorf("in %d small calls: got %q", got.calls, got.texts())
	}
}

func testScanCounts(t *testing.T, s *suite) {
	if !s.can(tail.CapabilityScan) {
		t.Skip("the tailer does not scan")
	}
	errors := len(s.scanLog())
	sum := func(got scanned) (all [tail.Levels]int64) {
		for start, lines := range got.counts {
			if start%int64(time.Second) != 0 {
				t.Errorf("a bucket of a second begins at %d", start)
			}
			for level, n := range lines {
				all[level] += n
			}
		}
		return all
	}
	want := [tail.Levels]int64{tail.LevelInfo: 120 - int64(errors), tail.LevelError: int64(errors)}
	for _, req := range []tail.ScanRequest{{}, {Backward: true}, {Bytes: 50}, {Bytes: 50, Backward: true}} {
		req.Bucket = time.Second
		if got := sum(s.scan(req)); got != want {
			t.Errorf("%+v: got %v, want %v", req, got, want)
		}
	}
	filtered := sum(s.scan(tail.ScanRequest{Bucket: time.Second, Filter: tail.Filter{Exclude: []string{"INFO"}}}))
	if filtered != [tail.Levels]int64{tail.LevelError: int64(errors)} {
		t.Errorf("filtered: %v", filtered)
	}
	later := time.Now().Add(time.Hour)
	if got := sum(s.scan(tail.ScanRequest{Bucket: time.Second, Since: later})); got != [tail.Levels]int64{} {
		t.Errorf("lines of the future: %v", got)
	}
	if got := sum(s.scan(tail.ScanRequest{Bucket: time.Second, Until: later, Backward: true})); got != want {
		t.Errorf("lines of the past: got %v, want %v", got, want)
	}
}

func testScanRefuses(_ *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 3))
	fail := func(ctx context.Context, req tail.ScanRequest) (err error) {
		for _, err = range s.tailer.Scan(ctx, req) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	name := s.log.Name()
	if !s.can(tail.CapabilityScan) {
		s.wantError("scan", fail(s.context(), tail.ScanRequest{Log: name, Matches: 1}), tail.ErrUnsupported)
		return
	}
	for what, req := range map[string]tail.ScanRequest{
		"nothing asked for": {}, "both": {Matches: 1, Bucket: time.Second}, "too many matches": {Matches: tail.MaxMatches + 1},
		"bucket too narrow": {Bucket: time.Nanosecond}, "negative bytes": {Matches: 1, Bytes: -1},
		"bad pattern":    {Matches: 1, Filter: tail.Filter{Include: []string{"("}}},
		"backward times": {Matches: 1, Since: time.Unix(5, 0), Until: time.Unix(5, 0)},
	} {
		req.Log = name
		s.wantError(what, fail(s.context(), req), tail.ErrBadRequest)
	}
	s.wantError("unknown log", fail(s.context(), tail.ScanRequest{Log: name + "-not-there", Matches: 1}), tail.ErrNotFound)
	ctx, cancel := context.WithCancel(s.context())
	cancel()
	s.wantError("cancelled", fail(ctx, tail.ScanRequest{Log: name, Matches: 1}), context.Canceled)
}
