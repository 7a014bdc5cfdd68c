package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"regexp"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// fakeLog is a tailer of one log in memory, whose every byte is remembered, and that can be made to die. It scribbles over the bytes of an
// event on the next turn of the loop, as the contract allows.
type fakeLog struct {
	tail.Unimplemented // but for what follows

	mu       sync.Mutex
	changed  chan struct{} // closed when something is written
	alive    chan struct{} // closed when the plugin dies
	seed     uint64
	maxBatch int // most bytes in a batch, about; how many is a matter of chance
	perBatch int // lines in each batch instead; 0: chance decides
	items    []item
	gen      int
	off      int64
	follows  int // calls made
	open     int // calls under way
	refuse   error

	lates  []tail.Late      // in the order in which they were written
	ends   map[string]int64 // how far each generation goes that has been left
	beats  []tail.Beat
	beatAt []time.Time // when each of beats came
	orders chan tail.Order
}

// item is a line or a mark of the log, in order.
type item struct {
	start, end tail.Position // equal for marks that take no room
	line       string
	mark       tail.Event // Boundary or Gap
}

func newFakeLog() *fakeLog {
	return &fakeLog{changed: make(chan struct{}), alive: make(chan struct{}), maxBatch: 40, orders: make(chan tail.Order)}
}

func (l *fakeLog) here() tail.Position {
	return tail.Position{Generation: fmt.Sprintf("g%d", l.gen), Offset: l.off}
}

func (l *fakeLog) update(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *fakeLog) write(lines ...string) {
	l.update(func() {
		for _, line := range lines {
			it := item{start: l.here(), line: line}
			l.off += int64(len(line))
			it.end = l.here()
			l.items = append(l.items, it)
		}
	})
}

// rotate goes on in the generation after the next lost ones.
func (l *fakeLog) rotate(lost int) {
	l.update(func() {
		from := l.here()
		l.gen += 1 + lost
		l.off = 0
		to := l.here()
		var mark tail.Event = tail.Boundary{From: from, To: to, How: tail.HowRenamed, Order: tail.OrderObserved}
		if lost > 0 {
			n := int64(lost)
			mark = tail.Gap{Cause: tail.CauseDeleted, Certain: true, After: from, Before: to, Generations: &n}
		}
		l.items = append(l.items, item{start: from, end: to, mark: mark})
	})
}

// writeLate writes a line to the generation before the present one, or the one before that.
func (l *fakeLog) writeLate(back int, line string) {
	l.update(func() {
		var left []string
		for _, it := range l.items {
			if b, ok := it.mark.(tail.Boundary); ok {
				left = append(left, b.From.Generation)
				if l.ends == nil {
					l.ends = map[string]int64{}
				}
				if _, known := l.ends[b.From.Generation]; !known {
					l.ends[b.From.Generation] = b.From.Offset
				}
			}
		}
		if len(left) == 0 {
			return
		}
		g := left[max(0, len(left)-1-back%2)]
		start := tail.Position{Generation: g, Offset: l.ends[g]}
		l.ends[g] += int64(len(line))
		l.lates = append(l.lates, tail.Late{Lines: tail.Lines{Start: start, End: tail.Position{Generation: g, Offset: l.ends[g]}, Text: []byte(line)}})
	})
}

// late returns the next late lines, which are not told yet, for a reading that has left the generations in passed. l.mu is held.
func (l *fakeLog) late(told map[int]bool, passed map[string]bool, f tail.Filter) (e tail.Event) {
	for n, e := range l.lates {
		if told[n] || !passed[e.Start.Generation] {
			continue
		}
		told[n] = true
		if passes(f, string(e.Text)) {
			e.Text = bytes.Clone(e.Text) // It is scribbled over.
			return e
		}
	}
	return nil
}

// doubt declares that something may be missing here.
func (l *fakeLog) doubt() {
	l.update(func() {
		p := l.here()
		if n := len(l.items); n > 0 && l.items[n-1].start.Same(p) {
			return // One doubt at a place is enough.
		}
		l.items = append(l.items, item{start: p, end: p, mark: tail.Gap{Cause: tail.CauseCopyWindow, After: p, Before: p}})
	})
}

// die ends all calls; new ones work at once.
func (l *fakeLog) die() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.alive)
	l.alive = make(chan struct{})
}

func (l *fakeLog) Info(context.Context) (tail.Info, error) { return tail.Info{Name: "fake"}, nil }
func (l *fakeLog) List(context.Context, tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(func(tail.Entry, error) bool) {}
}

func (l *fakeLog) Read(context.Context, tail.ReadRequest) (tail.Page, error) {
	return tail.Page{}, tail.ErrUnsupported
}

// index is the first item of a Follow; -1 if there is no such place. l.mu is held.
func (l *fakeLog) index(s tail.Start) int {
	if n, ok := s.LastLines(); ok {
		i := len(l.items)
		for ; i > 0 && n > 0; i-- {
			if l.items[i-1].mark == nil {
				n--
			}
		}
		for i < len(l.items) && l.items[i].mark != nil {
			i++ // Begins with a line.
		}
		if i < len(l.items) {
			return i
		}
	}
	if p, ok := s.Position(); ok {
		for i, it := range l.items {
			if it.start.Same(p) {
				return i
			}
		}
		if p.Same(l.here()) {
			return len(l.items)
		}
		return -1
	}
	if s.Beginning() {
		return 0
	}
	i := len(l.items)
	for i > 0 && l.items[i-1].start.Same(l.here()) {
		i-- // A doubt about the very end belongs to what comes.
	}
	return i
}

func passes(f tail.Filter, line string) bool {
	for _, p := range f.Exclude {
		if regexp.MustCompile(p).MatchString(line) {
			return false
		}
	}
	for _, p := range f.Include {
		if regexp.MustCompile(p).MatchString(line) {
			return true
		}
	}
	return len(f.Include) == 0
}

func (l *fakeLog) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		l.mu.Lock()
		l.follows++
		l.open++
		alive := l.alive
		i := l.index(req.Start)
		random := rand.New(rand.NewPCG(l.seed, uint64(l.follows)))
		refuse := l.refuse
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			l.open--
			l.mu.Unlock()
		}()
		for _, p := range req.Filter.Include {
			if _, err := regexp.Compile(p); err != nil {
				yield(nil, fmt.Errorf("%w: %w", tail.ErrBadRequest, err))
				return
			}
		}
		switch {
		case refuse != nil:
			yield(nil, refuse)
			return
		case i < 0:
			yield(nil, tail.ErrPositionGone)
			return
		}
		caughtUp := false
		passed, told := map[string]bool{}, map[int]bool{}
		l.mu.Lock()
		for _, p := range req.Left {
			passed[p.Generation] = true
			for n, e := range l.lates {
				told[n] = told[n] || e.Start.Generation == p.Generation && e.Start.Offset < p.Offset
			}
		}
		l.mu.Unlock()
		for {
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case <-alive:
				yield(nil, tail.ErrPluginGone)
				return
			default:
			}
			l.mu.Lock()
			changed, here, rest := l.changed, l.here(), l.items[i:]
			limit := 1 + random.IntN(l.maxBatch)
			if l.perBatch > 0 {
				limit = math.MaxInt
				rest = rest[:min(len(rest), l.perBatch)]
			}
			late := l.late(told, passed, req.Filter)
			l.mu.Unlock()
			if late != nil {
				caughtUp = false
				if !yield(late, nil) {
					return
				}
				text := late.(tail.Late).Text
				for k := range text {
					text[k] = '!'
				}
				continue
			}
			if len(rest) == 0 {
				if !caughtUp {
					caughtUp = true
					if !yield(tail.CaughtUp{At: here}, nil) {
						return
					}
					continue
				}
				if !req.Follow {
					return
				}
				select {
				case <-changed:
				case <-alive:
				case <-ctx.Done():
				}
				continue
			}
			caughtUp = false
			e, n := batch(rest, req.Filter, limit)
			i += n
			if b, ok := e.(tail.Boundary); ok {
				passed[b.From.Generation] = true // What was written there before is late, too, for who comes by later.
			}
			if !yield(e, nil) {
				return
			}
			if lines, ok := e.(tail.Lines); ok {
				for k := range lines.Text {
					lines.Text[k] = '!'
				}
			}
		}
	}
}

// batch makes an event of the first of items, and says of how many; at most limit bytes of lines go into one.
func batch(items []item, f tail.Filter, limit int) (tail.Event, int) {
	if items[0].mark != nil {
		return items[0].mark, 1
	}
	out := tail.Lines{Start: items[0].start}
	var text bytes.Buffer
	offsets := []uint32{}
	n := 0
	for ; n < len(items) && items[n].mark == nil && (n == 0 || text.Len() < limit); n++ {
		if passes(f, items[n].line) {
			offsets = append(offsets, uint32(items[n].start.Offset-out.Start.Offset))
			text.WriteString(items[n].line)
		}
		out.End = items[n].end
	}
	out.Text = text.Bytes()
	if len(offsets) != n {
		out.Offsets = offsets
	}
	return out, n
}

// Heartbeat notes what it is told, passes on the orders of the test, and says that it is alive.
func (l *fakeLog) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		l.mu.Lock()
		alive := l.alive
		l.mu.Unlock()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for b := range in {
				l.mu.Lock()
				l.beats = append(l.beats, b)
				l.beatAt = append(l.beatAt, time.Now())
				l.mu.Unlock()
			}
		})
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			o := tail.Order{Kind: tail.OrderAlive}
			select {
			case <-ctx.Done():
				yield(tail.Order{}, ctx.Err())
				return
			case <-alive:
				yield(tail.Order{}, tail.ErrPluginGone)
				return
			case o = <-l.orders:
			case <-tick.C:
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (l *fakeLog) beatKinds(session string) (kinds []tail.BeatKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.beats {
		if b.Session == session {
			kinds = append(kinds, b.Kind)
		}
	}
	return kinds
}

// beatTimes returns the different moments at which beats of a kind came.
func (l *fakeLog) beatTimes(kind tail.BeatKind) (times []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, b := range l.beats {
		if b.Kind == kind && (len(times) == 0 || !times[len(times)-1].Equal(l.beatAt[i])) {
			times = append(times, l.beatAt[i])
		}
	}
	return times
}
