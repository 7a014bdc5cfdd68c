package tailtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

func testInfo(t *testing.T, s *suite) {
	info, err := s.tailer.Info(s.context())
	if err != nil || info.Name == "" || info.Version == "" {
		t.Errorf("Info = %+v, %v", info, err)
	}
}

func testList(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 3))
	list := func(req tail.ListRequest) (names []string) {
		for e, err := range s.tailer.List(s.context(), req) {
			if err != nil {
				t.Fatalf("List %+v: %v", req, err)
			}
			if _, raw := s.reads(""); e.Log == s.log.Name() && (raw && e.Size != int64(len(numberedLines(1, 3))) || e.Size <= 0) {
				t.Errorf("size %d", e.Size)
			}
			names = append(names, e.Log)
		}
		if !slices.IsSorted(names) {
			t.Errorf("not in order: %q", names)
		}
		return names
	}
	if names := list(tail.ListRequest{}); !slices.Contains(names, s.log.Name()) {
		t.Errorf("the log is not in the list: %q", names)
	}
	if names := list(tail.ListRequest{Prefix: s.log.Name()}); !slices.Equal(names, []string{s.log.Name()}) {
		t.Errorf("below the log itself: %q", names)
	}
	if names := list(tail.ListRequest{Limit: 1}); len(names) != 1 {
		t.Errorf("one log is %q", names)
	}
}

// page reads a page, which must work, and checks it.
func (s *suite) page(req tail.ReadRequest) (tail.Page, string) {
	s.t.Helper()
	req.Log = s.log.Name()
	p, err := s.tailer.Read(s.context(), req)
	if err != nil {
		s.t.Fatalf("Read %+v: %v", req, err)
	}
	check := checker{at: p.Start, filtered: !req.Filter.IsZero()}
	var text []byte
	lines := 0
	for _, e := range p.Events {
		if err := check.event(e); err != nil {
			s.t.Fatalf("Read %+v: %v", req, err)
		}
		if l, ok := e.(tail.Lines); ok {
			text = append(text, l.Text...)
			if l.Piece == tail.PieceNone || l.Piece == tail.PieceLast {
				lines += len(split(l.Text))
			}
		}
	}
	if lines > req.Lines {
		s.t.Errorf("%d lines, more than the %d asked for", lines, req.Lines)
	}
	if !check.filtered && !check.at.Same(p.End) {
		s.t.Errorf("the events end at %s, the page at %s", check.at, p.End)
	}
	return p, string(text)
}

// join reads page after page in one direction and returns all of it. The sequence has to come to an end.
func (s *suite) join(from tail.Position, backward bool, lines int) (text string, pages int) {
	s.t.Helper()
	for {
		p, t := s.page(tail.ReadRequest{At: from, Backward: backward, Lines: lines})
		pages++
		edge, next := p.End, p.Start
		text = t + text
		if !backward {
			edge, next = p.Start, p.End
			text = text[len(t):] + t
		}
		if !edge.Same(from) {
			s.t.Fatalf("asked for a page at %s, got one at %s", from, edge)
		}
		if backward && p.AtBeginning || !backward && p.AtEnd {
			return text, pages
		}
		if next.Same(from) || pages > 100_000 {
			s.t.Fatalf("no way on from %s", from)
		}
		from = next
	}
}

func testPages(t *testing.T, s *suite) {
	for i := range 3 {
		if i > 0 && s.can(tail.CapabilityHistory) {
			s.log.Rotate()
		}
		s.log.Append(numberedLines(10*i+1, 10*i+10))
	}
	want := numberedLines(1, 30)
	whole := s.read(tail.StartAtBeginning()).events
	begin, end := whole[0].(tail.Lines).Start, whole[len(whole)-1].(tail.CaughtUp).At
	for _, lines := range []int{1, 3, 7, 10, 30, tail.MaxPageLines} {
		if got, _ := s.join(end, true, lines); got != want {
			t.Errorf("backward by %d: got %s, want %s", lines, brief(got), brief(want))
		}
		got, pages := s.join(begin, false, lines)
		if got != want {
			t.Errorf("forward by %d: got %s, want %s", lines, brief(got), brief(want))
		}
		if lines == 1 && pages < 30 {
			t.Errorf("%d pages of one line each", pages)
		}
	}
	// What is written after a page was read is on the next one.
	s.log.Append(numberedLines(31, 31))
	if _, text := s.page(tail.ReadRequest{At: end, Lines: 10}); text != numberedLines(31, 31) {
		t.Errorf("after the end: %q", text)
	}
}

// A page must fit into one message, so it may hold fewer lines than were asked for.
func testLongPages(t *testing.T, s *suite) {
	line := strings.Repeat("y", 9_999) + "\n"
	want := strings.Repeat(line, 1000) + strings.Repeat("z", 5<<20) + "\nend\n"
	s.log.Append(want)
	whole := s.read(tail.StartAtBeginning()).events
	begin, end := whole[0].(tail.Lines).Start, whole[len(whole)-1].(tail.CaughtUp).At
	for _, backward := range []bool{false, true} {
		from := begin
		if backward {
			from = end
		}
		if got, _ := s.join(from, backward, tail.MaxPageLines); got != want {
			t.Errorf("backward %v: got %s, want %s", backward, brief(got), brief(want))
		}
	}
}

func testFilter(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 30))
	filter := tail.Filter{Include: []string{"line 1", "line 2.$"}, Exclude: []string{"5$"}}
	req := tail.FollowRequest{Start: tail.StartAtBeginning(), Filter: filter}
	out, err := s.follow(req, nil)
	if !s.can(tail.CapabilityFilter) {
		s.wantError("filter", err, tail.ErrUnsupported)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, l := range strings.SplitAfter(numberedLines(1, 30), "\n") {
		if len(l) >= 7 && (l[5] == '1' || l[5] == '2' && len(l) == 8) && !strings.HasSuffix(l, "5\n") {
			want = append(want, l)
		}
	}
	if got := string(out.text); got != strings.Join(want, "") {
		t.Errorf("got %q, want %q", got, want)
	}
	// Each line has its own address.
	for _, e := range out.events {
		l, ok := e.(tail.Lines)
		if !ok {
			continue
		}
		for i, line := range split(l.Text) {
			n := int64(bytes.Index(l.Text, line))
			if l.Offsets != nil {
				n = int64(l.Offsets[i])
			}
			if got := s.read(tail.StartAtPosition(l.Start.Add(n))); !bytes.HasPrefix(got.text, line) {
				t.Errorf("at the address of %q: %s", line, brief(string(got.text)))
			}
		}
	}
	begin := s.read(tail.StartAtBeginning()).events[0].(tail.Lines).Start
	p, text := s.page(tail.ReadRequest{At: begin, Lines: 4, Filter: filter})
	if text != strings.Join(want[:4], "") {
		t.Errorf("page: %q, want %q", text, want[:4])
	}
	if _, text := s.page(tail.ReadRequest{At: p.End, Lines: 1000, Filter: filter}); text != strings.Join(want[4:], "") {
		t.Errorf("next page: %q, want %q", text, want[4:])
	}
	for _, bad := range []tail.Filter{{Include: []string{"("}}, {Exclude: []string{"a**"}}} {
		_, err := s.follow(tail.FollowRequest{Filter: bad}, nil)
		s.wantError("bad pattern", err, tail.ErrBadRequest)
	}
}

func testTimes(t *testing.T, s *suite) {
	s.log.Append(numberedLines(1, 50))
	out, err := s.follow(tail.FollowRequest{Start: tail.StartAtBeginning(), Times: true}, nil)
	if !s.can(tail.CapabilityTime) {
		s.wantError("times", err, tail.ErrUnsupported)
		_, err = s.follow(tail.FollowRequest{Start: tail.StartAtTime(time.Now())}, nil)
		s.wantError("start at a time", err, tail.ErrUnsupported)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var times []int64
	for _, e := range out.events {
		if l, ok := e.(tail.Lines); ok {
			times = append(times, l.Times...)
		}
	}
	if len(times) != 50 {
		t.Fatalf("%d times for 50 lines", len(times))
	}
	for i := 1; i < len(times); i++ {
		if times[i] <= times[i-1] {
			t.Fatalf("times do not grow: %d, %d", times[i-1], times[i])
		}
	}
	s.wantText(tail.StartAtTime(time.Unix(0, times[0])), numberedLines(1, 50))
	s.wantText(tail.StartAtTime(time.Now().Add(time.Hour)), "")
	if _, text := s.page(tail.ReadRequest{AtTime: time.Unix(0, times[0]), Lines: 2}); text != numberedLines(1, 2) {
		t.Errorf("page by time: %q", text)
	}
	for _, e := range s.read(tail.StartAtBeginning()).events {
		if l, ok := e.(tail.Lines); ok && l.Times != nil {
			t.Error("times that nobody asked for")
		}
	}
}

// heartbeat runs a Heartbeat call over the beats that react returns for each order; nil at first.
func (s *suite) heartbeat(react func(o tail.Order) (beats []tail.Beat, done bool)) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.context())
	defer cancel()
	in := make(chan tail.Beat, 100)
	send := func(o tail.Order) bool {
		beats, done := react(o)
		for _, b := range beats {
			in <- b
		}
		return done
	}
	send(tail.Order{})
	seq := func(yield func(tail.Beat) bool) {
		for {
			select {
			case b := <-in:
				if !yield(b) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
	for o, err := range s.tailer.Heartbeat(ctx, seq) {
		if err != nil {
			cancel()
			s.t.Errorf("Heartbeat: %v", err)
			return
		}
		if send(o) {
			cancel()
			return
		}
	}
	s.t.Error("Heartbeat ended by itself")
}

func testHeartbeat(t *testing.T, s *suite) {
	const interval, timeout = 50 * time.Millisecond, 200 * time.Millisecond
	sessions := []string{"answers", "silent", "wrong", "closes"}
	dead := []tail.Order{{Kind: tail.OrderDeadSilent, Session: "silent"}, {Kind: tail.OrderDeadWrong, Session: "wrong"}}
	got := map[tail.Order]int{}
	var pinged time.Time
	s.heartbeat(func(o tail.Order) (beats []tail.Beat, done bool) {
		got[o]++
		switch o.Kind {
		case 0:
			for _, name := range sessions {
				beats = append(beats, tail.Beat{Kind: tail.BeatOpened, Session: name, Interval: interval, Timeout: timeout})
			}
		case tail.OrderPing:
			beats = append(beats, tail.Beat{Kind: tail.BeatPinged, Session: o.Session})
			next := map[string]tail.BeatKind{"answers": tail.BeatAnswered, "wrong": tail.BeatWrong, "closes": tail.BeatClosed}[o.Session]
			if next != 0 {
				beats = append(beats, tail.Beat{Kind: next, Session: o.Session})
			} else {
				pinged = time.Now()
			}
		case tail.OrderDeadSilent:
			if waited := time.Since(pinged); waited < timeout/2 {
				t.Errorf("silent after %v", waited)
			}
		}
		enough := got[tail.Order{Kind: tail.OrderAlive}] >= 2 && got[tail.Order{Kind: tail.OrderPing, Session: "answers"}] > 3
		return beats, enough && got[dead[0]] > 0 && got[dead[1]] > 0
	})
	for o, n := range got {
		ok := n == 1
		switch o {
		case tail.Order{}, tail.Order{Kind: tail.OrderDeadSilent, Session: "silent"}, tail.Order{Kind: tail.OrderDeadWrong, Session: "wrong"}:
		case tail.Order{Kind: tail.OrderAlive}, tail.Order{Kind: tail.OrderPing, Session: "answers"}:
			ok = n > 1
		default:
			ok = ok && o.Kind == tail.OrderPing
		}
		if !ok {
			t.Errorf("order %+v came %d times", o, n)
		}
	}
	for _, o := range dead {
		if got[o] == 0 {
			t.Errorf("order %+v did not come", o)
		}
	}
}

func testHeartbeatEnds(t *testing.T, s *suite) {
	for o, err := range s.tailer.Heartbeat(s.context(), func(func(tail.Beat) bool) {}) {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", o, err)
		}
	}
}

func testMetrics(t *testing.T, s *suite) {
	meter, is := s.tailer.(tail.Meter)
	if !s.can(tail.CapabilityMetrics) {
		if !is {
			return
		}
		if _, err := meter.Metrics(s.context()); !errors.Is(err, tail.ErrUnsupported) {
			t.Errorf("without the capability: %v", err)
		}
		return
	}
	if !is {
		t.Fatal("the tailer names the capability and has no method for it")
	}
	metrics, err := meter.Metrics(s.context())
	if err == nil {
		err = tail.CheckMetrics(metrics)
	}
	if err != nil || len(metrics) == 0 {
		t.Errorf("got %d metrics, %v", len(metrics), err)
	}
}
