package loki

import (
	"context"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// memory is a tailer over logs in memory, each of one generation, whose lines have the times they are given.
type memory struct {
	tail.Unimplemented // but for what follows

	mu      sync.Mutex
	changed chan struct{}
	logs    map[string]*memoryLog
	untimed bool  // lacks the capability "time"
	broken  error // what Read and Follow say
	maxPage int   // 0: as asked
	reads   int
}

type memoryLog struct {
	text   []byte
	starts []int64
	times  []int64
	gaps   []tail.Gap
	gone   error
}

func newMemory() *memory { return &memory{changed: make(chan struct{}), logs: map[string]*memoryLog{}} }

// write adds lines to a log; the first at a time, the others a nanosecond apart.
func (m *memory) write(log string, at time.Time, lines ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.logs[log]
	if l == nil {
		l = &memoryLog{}
		m.logs[log] = l
	}
	for i, line := range lines {
		l.starts = append(l.starts, int64(len(l.text)))
		l.times = append(l.times, at.UnixNano()+int64(i))
		l.text = append(l.text, line+"\n"...)
	}
	m.wake()
}

func (m *memory) update(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	m.wake()
}

func (m *memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Info(context.Context) (tail.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.untimed {
		return tail.Info{Name: "memory"}, nil
	}
	return tail.Info{Name: "memory", Capabilities: []string{tail.CapabilityTime}}, nil
}

func (m *memory) List(_ context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		m.mu.Lock()
		var out []tail.Entry
		for name, l := range m.logs {
			if strings.HasPrefix(name, req.Prefix) {
				e := tail.Entry{Log: name, Size: int64(len(l.text)), Generations: 1}
				if n := len(l.times); n > 0 {
					e.Modified = time.Unix(0, l.times[n-1])
				}
				out = append(out, e)
			}
		}
		m.mu.Unlock()
		slices.SortFunc(out, func(a, b tail.Entry) int { return strings.Compare(a.Log, b.Log) })
		for _, e := range out {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func position(offset int64) tail.Position { return tail.Position{Generation: "g", Offset: offset} }

// lineAt is the index of the line that begins at an offset.
func (l *memoryLog) lineAt(offset int64) int {
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i] >= offset })
}

func (l *memoryLog) end(i int) int64 {
	if i < len(l.starts) {
		return l.starts[i]
	}
	return int64(len(l.text))
}

func (l *memoryLog) lines(from, to int, times bool) tail.Lines {
	out := tail.Lines{Start: position(l.end(from)), End: position(l.end(to)), Text: slices.Clone(l.text[l.end(from):l.end(to)])}
	if times {
		out.Times = slices.Clone(l.times[from:to])
	}
	return out
}

func (m *memory) Read(_ context.Context, req tail.ReadRequest) (tail.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	l := m.logs[req.Log]
	switch {
	case m.broken != nil:
		return tail.Page{}, m.broken
	case l == nil:
		return tail.Page{}, tail.ErrNotFound
	case m.untimed && (req.Times || !req.AtTime.IsZero()):
		return tail.Page{}, tail.ErrUnsupported
	}
	at := l.lineAt(req.At.Offset)
	if !req.AtTime.IsZero() {
		at = sort.Search(len(l.times), func(i int) bool { return l.times[i] >= req.AtTime.UnixNano() })
	}
	n := req.Lines
	if m.maxPage > 0 {
		n = min(n, m.maxPage)
	}
	from, to := at, min(len(l.starts), at+n)
	if req.Backward {
		from, to = max(0, at-n), at
	}
	page := tail.Page{Start: position(l.end(from)), End: position(l.end(to)), AtBeginning: from == 0, AtEnd: to == len(l.starts)}
	if from < to {
		page.Events = append(page.Events, l.lines(from, to, req.Times))
	}
	return page, nil
}

func (m *memory) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		next, gaps, begun := 0, 0, false
		for {
			m.mu.Lock()
			l, changed, broken := m.logs[req.Log], m.changed, m.broken
			if l == nil || l.gone != nil || broken != nil {
				err := broken
				if l != nil && err == nil {
					err = l.gone
				}
				m.mu.Unlock()
				if err != nil {
					yield(nil, err)
					return
				}
				select {
				case <-changed:
					continue
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
			}
			if !begun {
				begun, next = true, len(l.starts)
				if p, ok := req.Start.Position(); ok {
					next = l.lineAt(p.Offset)
				}
				if n, ok := req.Start.LastLines(); ok {
					next = max(0, len(l.starts)-int(n))
				}
				if req.Start.Beginning() {
					next = 0
				}
			}
			var events []tail.Event
			if next < len(l.starts) {
				to := min(len(l.starts), next+1000)
				events = append(events, l.lines(next, to, req.Times))
				next = to
			}
			for ; gaps < len(l.gaps); gaps++ {
				events = append(events, l.gaps[gaps])
			}
			m.mu.Unlock()
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if len(events) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

func (m *memory) Heartbeat(context.Context, iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(func(tail.Order, error) bool) {}
}
