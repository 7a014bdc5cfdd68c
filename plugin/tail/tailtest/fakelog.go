package tailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// FakeLog is a log of a [Fake]. Its methods take effect at once for all who follow it.
type FakeLog struct {
	fake      *Fake
	name      string
	number    int
	begun     int     // how many generations there have been
	gone      int     // how many items have been dropped at the front
	items     []item  // what happened, oldest first
	partial   []byte  // what has been written after the last newline
	end       int64   // of the live generation, partial not included
	lastTime  int64   // of the last line, in nanoseconds since 1970
	failures  []error // of those who follow, by the order in which they were made
	followers int
	modified  time.Time
}

// item is one line, or one event between lines.
type item struct {
	generation string
	start      int64
	text       []byte // of a line, with its line ending
	time       int64
	event      tail.Event    // nil for a line
	next       tail.Position // after the event
	cut        bool          // text is only the beginning of the line
}

// end is the position after a line.
func (i item) end() int64 { return i.start + int64(len(i.text)) }

// Name is the name to follow the log by.
func (l *FakeLog) Name() string { return l.name }

// generation is the name of the live generation. The caller holds the fake's mu, here and in all lower-case methods.
func (l *FakeLog) generation() string { return fmt.Sprintf("fake%d-%d", l.number, l.begun) }

// begin begins a generation.
func (l *FakeLog) begin() {
	l.begun++
	l.end = 0
	l.partial = nil
	l.lastTime = 0
}

// at returns a position in a generation, with evidence, so that hosts do not get used to comparing positions with ==.
func at(generation string, offset int64) tail.Position {
	return tail.Position{Generation: generation, Offset: offset, Check: fmt.Sprintf("c%d", offset%97)}
}

// End is the position after the last whole line.
func (l *FakeLog) End() tail.Position {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	return at(l.generation(), l.end)
}

// Append writes lines, which are given without line endings.
func (l *FakeLog) Append(lines ...string) {
	if len(lines) > 0 {
		l.Write(strings.Join(lines, "\n") + "\n")
	}
}

// AppendAt writes one line that has a time.
func (l *FakeLog) AppendAt(t time.Time, line string) { l.write(line+"\n", t) }

// Write writes text as it is. What comes after its last newline is no line until the newline follows, or the log is rotated.
func (l *FakeLog) Write(text string) { l.write(text, time.Now()) }

func (l *FakeLog) write(text string, t time.Time) {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.modified = t
	l.partial = append(l.partial, text...)
	for {
		i := bytes.IndexByte(l.partial, '\n')
		if i < 0 {
			break
		}
		l.add(l.partial[:i+1], t)
		l.partial = l.partial[i+1:]
	}
	l.fake.change()
}

// add adds one line, with or without its line ending.
func (l *FakeLog) add(text []byte, t time.Time) {
	l.lastTime = max(t.UnixNano(), l.lastTime+1)
	l.items = append(l.items, item{generation: l.generation(), start: l.end, text: bytes.Clone(text), time: l.lastTime})
	l.end += int64(len(text))
}

// flush makes a line of what has no newline.
func (l *FakeLog) flush() {
	if len(l.partial) > 0 {
		l.add(l.partial, time.Now())
		l.partial = nil
	}
}

// event adds an event that leads to the next position.
func (l *FakeLog) event(from tail.Position, e tail.Event, next tail.Position) {
	l.items = append(l.items, item{generation: from.Generation, start: from.Offset, event: e, next: next})
	l.fake.change()
}

// Rotate begins a new generation, as if the file had been renamed.
func (l *FakeLog) Rotate() {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.flush()
	from := at(l.generation(), l.end)
	name := fmt.Sprintf("%s.%d", l.name[strings.LastIndexByte(l.name, '/')+1:], l.begun)
	l.begin()
	to := at(l.generation(), 0)
	l.event(from, tail.Boundary{From: from, To: to, How: tail.HowRenamed, Order: tail.OrderObserved, Name: name}, to)
}

// Truncate begins a new generation, as if the file had been emptied after all had been read. What had no newline is lost, and said to be.
func (l *FakeLog) Truncate() {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	from := at(l.generation(), l.end)
	lost := int64(len(l.partial))
	l.begin()
	to := at(l.generation(), 0)
	if lost > 0 {
		l.event(from, tail.Gap{Cause: tail.CauseTruncated, Certain: true, After: from, Before: to, Bytes: &lost}, from)
	}
	l.event(from, tail.Truncated{From: from, To: to}, to)
}

// InjectGap puts a gap at the end of the log, with positions before and after it if it has none. The log goes on in a new generation.
func (l *FakeLog) InjectGap(g tail.Gap) {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.flush()
	from := at(l.generation(), l.end)
	l.begin()
	to := at(l.generation(), 0)
	if g.After.IsZero() {
		g.After = from
	}
	if g.Before.IsZero() {
		g.Before = to
	}
	l.event(from, g, to)
}

// AppendLate writes lines to the generation before the live one, after the fact. Without one it is an ordinary Append.
func (l *FakeLog) AppendLate(lines ...string) {
	l.fake.mu.Lock()
	previous, end := l.previous()
	if previous == "" {
		l.fake.mu.Unlock()
		l.Append(lines...)
		return
	}
	defer l.fake.mu.Unlock()
	text := strings.Join(lines, "\n") + "\n"
	here := at(l.generation(), l.end)
	l.event(here, tail.Late{Lines: tail.Lines{
		Start: at(previous, end), End: at(previous, end+int64(len(text))), Text: []byte(text),
	}}, here)
}

// previous returns the generation before the live one and its end, late lines included; empty if there is none.
func (l *FakeLog) previous() (generation string, end int64) {
	live := l.generation()
	for _, i := range l.items {
		if late, ok := i.event.(tail.Late); ok && late.End.Generation == generation {
			end = late.End.Offset
		}
		if i.event == nil && i.generation != live {
			generation, end = i.generation, i.end()
		}
	}
	return generation, end
}

// DropOldest destroys the oldest generation, if it is not the live one, as a rotator does that keeps only so many. Its positions are
// gone; who has not read it to the end gets a [tail.Gap].
func (l *FakeLog) DropOldest() {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	if len(l.items) == 0 {
		return
	}
	oldest, n := l.items[0].generation, 0
	for n < len(l.items) && l.items[n].generation == oldest {
		n++
	}
	if oldest == l.generation() {
		return
	}
	l.items = append([]item(nil), l.items[n:]...)
	l.gone += n
	l.fake.change()
}

// Fail ends the Follow calls of this log that are under way with err.
func (l *FakeLog) Fail(err error) {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.failures = append(l.failures, err)
	l.fake.change()
}

func (l *FakeLog) entry() tail.Entry {
	e := tail.Entry{Log: l.name, Size: l.end + int64(len(l.partial)), Modified: l.modified, Generations: 1}
	last := l.generation()
	for _, i := range slices.Backward(l.items) {
		if g := i.generation; g != last {
			e.Generations++
			last = g
		}
	}
	return e
}

// oldest is the first position that there is.
func (l *FakeLog) oldest() tail.Position {
	if len(l.items) == 0 {
		return at(l.generation(), l.end)
	}
	return at(l.items[0].generation, l.items[0].start)
}
