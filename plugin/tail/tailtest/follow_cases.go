package tailtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

func testLastLines(_ *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 10))
	s.wantText(tail.StartAtLastLines(3), numberedLines(8, 10))
	s.wantText(tail.StartAtLastLines(10), numberedLines(1, 10))
	s.wantText(tail.StartAtLastLines(1000), numberedLines(1, 10))
	s.wantText(tail.StartAtLastLines(0), "")
	s.wantText(tail.StartAtBeginning(), numberedLines(1, 10))
	s.wantText(tail.StartAtEnd(), "")
}

func testLastLinesOverRotations(t *testing.T, s *suite) {
	if !s.can(tail.CapabilityHistory) {
		t.Skip("the tailer does not read rotated generations")
	}
	for i := range 4 {
		s.log.Append(numberedLines(10*i+1, 10*i+10))
		if i < 3 {
			s.log.Rotate()
		}
	}
	s.wantText(tail.StartAtLastLines(25), numberedLines(16, 40))
	s.wantText(tail.StartAtLastLines(1000), numberedLines(1, 40))
	s.wantText(tail.StartAtBeginning(), numberedLines(1, 40))
}

func testEnds(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 3))
	for _, start := range []tail.Start{tail.StartAtBeginning(), tail.StartAtEnd(), tail.StartAtLastLines(2)} {
		out := s.read(start)
		if n := len(out.events); n == 0 || out.caught != 1 {
			t.Errorf("from %s: %d events, caught up %d times", start, n, out.caught)
		} else if _, ok := out.events[n-1].(tail.CaughtUp); !ok {
			t.Errorf("from %s: the last event is %T", start, out.events[n-1])
		}
	}
}

func testFollow(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 3))
	wrote := 3
	out, err := s.follow(tail.FollowRequest{}, func(out *stream) bool {
		// Each time that the end is reached, more is written.
		if _, ok := out.events[len(out.events)-1].(tail.CaughtUp); !ok || string(out.text) != numberedLines(4, wrote) {
			return false
		}
		if wrote == 6 {
			return true
		}
		wrote++
		s.log.Append(numberedLines(wrote, wrote))
		return false
	})
	if err != nil || out.caught < 4 {
		t.Errorf("caught up %d times, want 4; %v", out.caught, err)
	}
}

func testParts(t *testing.T, s *suite) {
	s.log.Append("be")
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning()}, func(out *stream) bool {
		if out.caught == 1 && len(out.text) == 0 {
			s.log.Append("gin")
			s.log.Append("ning\nend\n")
		}
		return bytes.HasSuffix(out.text, []byte("end\n"))
	})
	if err != nil || string(out.text) != "beginning\nend\n" {
		t.Errorf("got %q, %v", out.text, err)
	}
	for _, e := range out.events {
		if l, ok := e.(tail.Lines); ok && len(l.Text) > 0 && l.Text[len(l.Text)-1] != '\n' {
			t.Errorf("a part of a line came: %q", l.Text)
		}
	}
}

func testRotations(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 5))
	const generations = 8
	written := 1
	boundaries := 0
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning()}, func(out *stream) bool {
		switch out.events[len(out.events)-1].(type) {
		case tail.Boundary:
			boundaries++
		case tail.CaughtUp:
			if written < generations && len(out.text) == len(numberedLines(1, 5*written)) {
				// Two at once: the second comes before the first has been looked at.
				for range min(2, generations-written) {
					s.log.Rotate()
					s.log.Append(numberedLines(5*written+1, 5*written+5))
					written++
				}
			}
		}
		return len(out.text) >= len(numberedLines(1, 5*generations))
	})
	if want := numberedLines(1, 5*generations); err != nil || string(out.text) != want {
		t.Errorf("got %s, %v; want %s", brief(string(out.text)), err, brief(want))
	}
	if boundaries != generations-1 {
		t.Errorf("%d boundaries, want %d", boundaries, generations-1)
	}
}

func testUnterminated(t *testing.T, s *suite) {
	s.log.Append("one\ntwo")
	s.log.Rotate()
	s.log.Append("three\n")
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning()}, func(out *stream) bool {
		return bytes.HasSuffix(out.text, []byte("three\n"))
	})
	if err != nil || string(out.text) != "one\ntwothree\n" {
		t.Fatalf("got %q, %v", out.text, err)
	}
	for _, e := range out.events {
		if l, ok := e.(tail.Lines); ok && bytes.Contains(l.Text, []byte("twothree")) {
			t.Errorf("the lines of two generations came as one: %q", l.Text)
		}
	}
}

func testBytes(_ *testing.T, s *suite) {
	text := "crlf\r\n\n\n\r\n \ttab\x00nul\x1b[31mred\x1b[0m 你好aaa \xff\xfe invalid\xe4\xbd\n\r\n"
	s.log.Append(text)
	text, _ = s.reads(text)
	s.wantText(tail.StartAtBeginning(), text)
	s.wantText(tail.StartAtLastLines(2), text[strings.Index(text, " \ttab"):])
}

func testLongLine(t *testing.T, s *suite) {
	long := strings.Repeat("0123456789abcde\xe4\xbd\xa0", 3*tail.MaxPiece/18) + "\n"
	s.log.Append("before\n" + long + "after\n")
	s.wantText(tail.StartAtBeginning(), "before\n"+long+"after\n")
	s.wantText(tail.StartAtLastLines(2), long+"after\n")
	var pieces []tail.Piece
	seen := 0
	for _, e := range s.read(tail.StartAtBeginning()).events {
		l, ok := e.(tail.Lines)
		if !ok {
			continue
		}
		seen += len(l.Text)
		if l.Piece != tail.PieceNone {
			pieces = append(pieces, l.Piece)
			s.wantText(tail.StartAtPosition(l.End), ("before\n" + long + "after\n")[seen:])
		}
	}
	if n := len(pieces); n < 3 || pieces[0] != tail.PieceFirst || pieces[n-1] != tail.PieceLast {
		t.Errorf("pieces %v", pieces)
	}
}

func testResume(t *testing.T, s *suite) {
	for i := range 3 {
		if i > 0 {
			s.log.Rotate()
		}
		s.log.Append(numberedLines(10*i+1, 10*i+10))
	}
	if !s.can(tail.CapabilityHistory) {
		t.Skip("the tailer does not read rotated generations")
	}
	whole := s.read(tail.StartAtBeginning())
	var seen int
	for _, e := range whole.events {
		switch e := e.(type) {
		case tail.Lines:
			// At each line, by an address that was computed.
			n := int64(0)
			for i, line := range split(e.Text) {
				if e.Offsets != nil {
					n = int64(e.Offsets[i])
				}
				s.wantText(tail.StartAtPosition(e.Start.Add(n)), string(whole.text[seen:]))
				n += int64(len(line))
				seen += len(line)
			}
			s.wantText(tail.StartAtPosition(e.End), string(whole.text[seen:]))
		case tail.Boundary:
			s.wantText(tail.StartAtPosition(e.From), string(whole.text[seen:]))
			s.wantText(tail.StartAtPosition(e.To), string(whole.text[seen:]))
		case tail.CaughtUp:
			s.wantText(tail.StartAtPosition(e.At), "")
		}
	}
	if _, raw := s.reads(""); !raw {
		return
	}
	// In the middle of a line.
	first := whole.events[0].(tail.Lines)
	s.wantText(tail.StartAtPosition(first.Start.Add(3)), string(whole.text[3:]))
}

func testSlowReader(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 1))
	const generations = 12
	paused := false
	want := numberedLines(1, 1) + strings.Repeat(strings.Repeat("x", 99)+"\n", 200*generations)
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning()}, func(out *stream) bool {
		if !paused {
			paused = true // The reader does not pull while all of this happens.
			for range generations {
				s.log.Rotate()
				s.log.Append(strings.Repeat(strings.Repeat("x", 99)+"\n", 200))
			}
		}
		return len(out.text) >= len(want)
	})
	if err != nil || string(out.text) != want {
		t.Errorf("got %d bytes, %v; want %d", len(out.text), err, len(want))
	}
}

func testConcurrent(t *testing.T, s *suite) {
	const followers, lines = 8, 300
	s.log.Append(numberedLines(1, 1))
	var ready, done sync.WaitGroup
	results := make([]string, followers)
	for i := range followers {
		ready.Add(1)
		done.Go(func() {
			var once sync.Once
			defer once.Do(ready.Done)
			var text []byte
			req := tail.FollowRequest{Log: s.log.Name(), Start: tail.StartAtBeginning(), Follow: true}
			for e, err := range s.tailer.Follow(s.context(), req) {
				if err != nil {
					results[i] = err.Error()
					return
				}
				switch e := e.(type) {
				case tail.Lines:
					text = append(text, e.Text...)
				case tail.CaughtUp:
					once.Do(ready.Done)
				}
				if len(text) >= len(numberedLines(1, lines)) {
					break
				}
			}
			results[i] = string(text)
		})
	}
	ready.Wait()
	for i := 2; i <= lines; i++ {
		s.log.Append(numberedLines(i, i))
		if i%60 == 0 {
			s.log.Rotate()
		}
	}
	done.Wait()
	for i, got := range results {
		if want := numberedLines(1, lines); got != want {
			t.Errorf("follower %d: got %s, want %s", i, brief(got), brief(want))
		}
	}
}

func testTruncated(t *testing.T, s *suite) {
	log, ok := s.log.(interface{ Truncate() })
	if !ok {
		t.Skip("the log cannot be truncated")
	}
	s.log.Append(numberedLines(1, 5))
	truncated := false
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning()}, func(out *stream) bool {
		switch out.events[len(out.events)-1].(type) {
		case tail.CaughtUp:
			if out.caught == 1 {
				log.Truncate()
			}
		case tail.Truncated:
			truncated = true
			s.log.Append(numberedLines(6, 9))
		}
		return bytes.HasSuffix(out.text, []byte("line 9\n"))
	})
	if want := numberedLines(1, 9); err != nil || string(out.text) != want || !truncated {
		t.Errorf("got %q, %v; truncated %v", out.text, err, truncated)
	}
}

func testWait(t *testing.T, s *suite) {
	wrote := time.AfterFunc(100*time.Millisecond, func() { s.log.Append(numberedLines(1, 2)) })
	defer wrote.Stop()
	out, err := s.follow(tail.FollowRequest{Wait: true, Start: tail.StartAtBeginning()}, func(out *stream) bool {
		return len(out.text) >= len(numberedLines(1, 2))
	})
	if err != nil || string(out.text) != numberedLines(1, 2) {
		t.Errorf("got %q, %v", out.text, err)
	}
}

func testUnknown(_ *testing.T, s *suite) {
	_, err := s.follow(tail.FollowRequest{}, nil)
	s.wantError("Follow of a log that does not exist yet", err, tail.ErrNotFound)
	s.log.Append("x\n")
	_, err = s.follow(tail.FollowRequest{Log: s.log.Name() + "-missing"}, nil)
	s.wantError("Follow", err, tail.ErrNotFound)
	at := s.read(tail.StartAtBeginning()).events[0].(tail.Lines).Start
	_, err = s.tailer.Read(s.context(), tail.ReadRequest{Log: s.log.Name() + "-missing", At: at, Lines: 1})
	s.wantError("Read", err, tail.ErrNotFound)
}

func testForbidden(t *testing.T, s *suite) {
	log, ok := s.log.(interface{ Forbidden() string })
	if !ok {
		t.Skip("nothing is forbidden")
	}
	for _, wait := range []bool{false, true} {
		_, err := s.follow(tail.FollowRequest{Log: log.Forbidden(), Wait: wait}, nil)
		s.wantError(fmt.Sprintf("Follow, wait %v", wait), err, tail.ErrNotAllowed)
	}
	_, err := s.tailer.Read(s.context(), tail.ReadRequest{Log: log.Forbidden(), At: tail.Position{Generation: "a"}, Lines: 1})
	s.wantError("Read", err, tail.ErrNotAllowed)
	for _, err := range s.tailer.List(s.context(), tail.ListRequest{Prefix: log.Forbidden()}) {
		s.wantError("List", err, tail.ErrNotAllowed)
	}
}

func testBadRequests(_ *testing.T, s *suite) {
	s.log.Append("x\n")
	for name, log := range map[string]string{
		"NUL in the name": s.log.Name() + "\x00", "long name": s.log.Name() + strings.Repeat("/x", tail.MaxPath/2),
	} {
		_, err := s.follow(tail.FollowRequest{Log: log}, nil)
		s.wantError(name, err, tail.ErrBadRequest)
	}
	for _, err := range s.tailer.Follow(s.context(), tail.FollowRequest{}) {
		s.wantError("empty name", err, tail.ErrBadRequest)
	}
	for name, start := range map[string]tail.Start{
		"negative number of lines":             tail.StartAtLastLines(-1),
		"no position":                          tail.StartAtPosition(tail.Position{}),
		"position with a negative offset":      tail.StartAtPosition(tail.Position{Generation: "a", Offset: -1}),
		"position with an odd generation":      tail.StartAtPosition(tail.Position{Generation: "a/../b"}),
		"position with a generation too long":  tail.StartAtPosition(tail.Position{Generation: strings.Repeat("a", 1000)}),
		"position with an odd piece of checks": tail.StartAtPosition(tail.Position{Generation: "a", Check: "\x00"}),
	} {
		_, err := s.follow(tail.FollowRequest{Start: start}, nil)
		s.wantError(name, err, tail.ErrBadRequest)
	}
	at := s.read(tail.StartAtBeginning()).events[0].(tail.Lines).Start
	for _, lines := range []int{-1, 0, tail.MaxPageLines + 1} {
		_, err := s.tailer.Read(s.context(), tail.ReadRequest{Log: s.log.Name(), At: at, Lines: lines})
		s.wantError(fmt.Sprintf("page of %d lines", lines), err, tail.ErrBadRequest)
	}
	_, err := s.tailer.Read(s.context(), tail.ReadRequest{Log: s.log.Name(), Lines: 1})
	s.wantError("page at no position", err, tail.ErrBadRequest)
}

func testPositionGone(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 3))
	at := s.read(tail.StartAtBeginning()).events[0].(tail.Lines).End
	_, err := s.follow(tail.FollowRequest{Start: tail.StartAtPosition(tail.Position{Generation: at.Generation, Offset: 1 << 40})}, nil)
	s.wantError("offset after the end", err, tail.ErrPositionGone)
	_, err = s.follow(tail.FollowRequest{Start: tail.StartAtPosition(tail.Position{Generation: "no-such"})}, nil)
	if !errors.Is(err, tail.ErrPositionGone) && !errors.Is(err, tail.ErrBadRequest) {
		t.Errorf("unknown generation: %v", err)
	}
}

func testCancel(_ *testing.T, s *suite) {
	s.log.Append("x\n")
	cancelled, cancel := context.WithCancel(s.context())
	cancel()
	for _, err := range s.tailer.Follow(cancelled, tail.FollowRequest{Log: s.log.Name(), Follow: true}) {
		s.wantError("cancelled before", err, context.Canceled)
	}
	ctx, cancel := context.WithCancel(s.context())
	defer cancel()
	var last error
	for e, err := range s.tailer.Follow(ctx, tail.FollowRequest{Log: s.log.Name(), Follow: true}) {
		if _, ok := e.(tail.CaughtUp); ok {
			cancel()
		}
		last = err
	}
	s.wantError("cancelled while it waits", last, context.Canceled)
	waiting, cancel := context.WithTimeout(s.context(), 50*time.Millisecond)
	defer cancel()
	for _, err := range s.tailer.Follow(waiting, tail.FollowRequest{Log: s.log.Name() + "-missing", Wait: true, Follow: true}) {
		last = err
	}
	s.wantError("timeout while it waits for a log", last, context.DeadlineExceeded)
}

func testBreak(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 100))
	once := func() {
		req := tail.FollowRequest{Log: s.log.Name(), Start: tail.StartAtBeginning(), Follow: true}
		for _, err := range s.tailer.Follow(s.context(), req) {
			if err != nil {
				t.Error(err)
			}
			break
		}
	}
	once() // Whatever is made once for all stays.
	before := runtime.NumGoroutine()
	for range 100 {
		once()
	}
	end := time.Now().Add(deadline)
	for runtime.NumGoroutine() > before+20 {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after 100 loops that were left", before, runtime.NumGoroutine())
		}
		time.Sleep(10 * time.Millisecond) // A poll with a deadline.
	}
}
