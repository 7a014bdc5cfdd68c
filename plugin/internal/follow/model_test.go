package follow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// item is a line that was written: the oracle remembers every one.
type item struct {
	text string // without the newline
	gen  int    // which content of which file it was written to
	got  bool   // delivered
	part bool   // only the beginning of it, because the file was emptied before the rest was read
}

// mark is something that the reader was told between two items.
type mark struct {
	after   int // index of the last item delivered before it
	certain bool
	what    string
}

// model runs a random program against a real folder, and knows what must come out.
type model struct {
	t       *rapid.T
	dir     string
	g       *guard.Guard
	e       *Engine
	r       *Reader
	options Options
	synced  bool // the tracker looks after each change, so nothing may be lost that was ever open
	stamped bool // rotated files get names with increasing stamps instead of numbers

	items    []item
	open     string // an unfinished line at the end of the live file
	next     int    // number of the next line
	gen      int    // the live content
	rotation int
	exists   bool
	backups  []backup // newest first

	at       tail.Position
	trace    []string // what the reader got, for the message of a failure
	last     int      // index of the last item delivered
	marks    []mark
	forgiven int          // of contents before this one, nobody has to say that they are gone
	lostable map[int]bool // contents of which the undelivered rest may be gone
	unseen   map[int]bool // contents that were on no disk any more when a tailer began, which cannot know of them
}

type backup struct {
	name string
	gen  int
}

func (m *model) path() string { return filepath.Join(m.dir, "app.log") }

func (m *model) must(err error) {
	if err != nil {
		m.t.Fatalf("%v", err)
	}
}

func (m *model) startEngine() {
	e, err := New(m.options)
	m.must(err)
	m.e = e
}

func (m *model) openReader(start tail.Start) {
	p, err := m.g.Resolve(m.path())
	m.must(err)
	r, err := m.e.Open(context.Background(), p, tail.FollowRequest{Start: start, Follow: true, Wait: true})
	m.must(err)
	m.r = r
}

// looked makes the tracker look, if the program is of the kind in which it always has.
func (m *model) looked() {
	if m.synced {
		m.must(m.r.l.ask(context.Background()))
	}
}

func (m *model) write(lines int, partial bool) {
	var b strings.Builder
	for range lines {
		full := m.open
		if full == "" {
			full = m.line()
			b.WriteString(full)
		} else {
			b.WriteString("rest")
			full += "rest"
		}
		b.WriteString("\n")
		m.items = append(m.items, item{text: full, gen: m.gen})
		m.open = ""
	}
	if partial && m.open == "" {
		m.open = m.line()
		b.WriteString(m.open)
	}
	f, err := os.OpenFile(m.path(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	m.must(err)
	_, err = f.WriteString(b.String())
	m.must(err)
	m.must(f.Close())
	m.exists = true
	m.looked()
}

func (m *model) line() string {
	m.next++
	return fmt.Sprintf("L%06d %s", m.next, strings.Repeat("x", m.next*7%90))
}

// leave ends the live content: an unfinished line stays as it is.
func (m *model) leave() {
	if m.open != "" {
		m.items = append(m.items, item{text: m.open, gen: m.gen})
		m.open = ""
	}
	m.gen++
}

func (m *model) rotate(create bool) {
	if !m.exists {
		return
	}
	m.rotation++
	name := m.path() + ".1"
	if m.stamped {
		name = filepath.Join(m.dir, fmt.Sprintf("app-2026-11-23T07-00-00.%03d.log", m.rotation))
	} else {
		for i := len(m.backups); i >= 1; i-- {
			m.must(os.Rename(fmt.Sprintf("%s.%d", m.path(), i), fmt.Sprintf("%s.%d", m.path(), i+1)))
			m.backups[i-1].name = fmt.Sprintf("%s.%d", m.path(), i+1)
		}
	}
	m.must(os.Rename(m.path(), name))
	m.backups = append([]backup{{name, m.gen}}, m.backups...)
	m.exists = false
	m.leave()
	if create {
		m.must(os.WriteFile(m.path(), nil, 0o644))
		m.exists = true
	}
	m.looked()
}

func (m *model) removeOldest() {
	if n := len(m.backups); n > 0 {
		m.must(os.Remove(m.backups[n-1].name))
		if !m.synced {
			m.lostable[m.backups[n-1].gen] = true
		}
		m.backups = m.backups[:n-1]
		m.looked()
	}
}

func (m *model) removeLive() {
	if m.exists {
		m.must(os.Remove(m.path()))
		if !m.synced {
			m.lostable[m.gen] = true
		}
		m.exists = false
		m.leave()
		m.looked()
	}
}

func (m *model) replace() {
	if m.exists {
		tmp := filepath.Join(m.dir, "new.tmp")
		m.must(os.WriteFile(tmp, nil, 0o644))
		m.must(os.Rename(tmp, m.path()))
		if !m.synced {
			m.lostable[m.gen] = true
		}
		m.leave()
		m.looked()
	}
}

func (m *model) truncate() {
	if m.exists {
		m.must(os.Truncate(m.path(), 0))
		m.lostable[m.gen] = true
		if !m.synced {
			m.unseen[m.gen] = true // Written and emptied between two looks: there is nothing to be seen.
		}
		m.leave()
		m.looked()
	}
}

// step reads up to n events.
func (m *model) step(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	for range n {
		ev, err := m.r.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		m.must(err)
		m.event(ev)
	}
}

func (m *model) event(ev tail.Event) {
	m.note(ev)
	switch ev := ev.(type) {
	case tail.Lines:
		m.at = ev.End
		for line := range strings.Lines(string(ev.Text)) {
			m.deliver(strings.TrimSuffix(line, "\n"))
		}
	case tail.Boundary:
		m.at = ev.To
	case tail.Truncated:
		m.at = ev.To
	case tail.CaughtUp:
		m.at = ev.At
	case tail.Gap:
		m.marks = append(m.marks, mark{m.last, ev.Certain, fmt.Sprintf("%s %q", ev.Cause, ev.Evidence)})
		if !ev.Before.IsZero() {
			m.at = ev.Before
		}
	case tail.Late:
		m.t.Fatalf("late: %q", ev.Text)
	}
}

// vague reports whether it was said that an order or the place of a gap is not certain, which it can only be when the tracker races.
func (m *model) vague() bool {
	return !m.synced && slices.ContainsFunc(m.trace, func(s string) bool {
		return strings.Contains(s, "boundary") && strings.Contains(s, tail.OrderInferred.String()) || strings.Contains(s, "in the same moment")
	})
}

// note keeps what came for the message of a failure.
func (m *model) note(ev tail.Event) {
	at := func(p tail.Position) string {
		return fmt.Sprintf("%s@%d", p.Generation[max(0, len(p.Generation)-6):], p.Offset)
	}
	switch ev := ev.(type) {
	case tail.Lines:
		m.trace = append(m.trace, fmt.Sprintf("lines %s to %s %.8q…%.12q", at(ev.Start), at(ev.End), ev.Text, ev.Text[max(0, len(ev.Text)-12):]))
	case tail.Boundary:
		m.trace = append(m.trace, fmt.Sprintf("boundary %s to %s %s %s %s", at(ev.From), at(ev.To), ev.How, ev.Order, ev.Name))
	case tail.Truncated:
		m.trace = append(m.trace, fmt.Sprintf("truncated %s to %s", at(ev.From), at(ev.To)))
	case tail.Gap:
		m.trace = append(m.trace, fmt.Sprintf("gap %s %v %s to %s %q", ev.Cause, ev.Certain, at(ev.After), at(ev.Before), ev.Evidence))
	case tail.CaughtUp:
		m.trace = append(m.trace, "caught up "+at(ev.At))
	}
}

// fail ends the program with what came.
func (m *model) fail(format string, a ...any) {
	m.t.Fatalf(format+"\nwhat came:\n%s", append(a, strings.Join(m.trace, "\n"))...)
}

// deliver checks that a line is one that was written, after the last one that came.
func (m *model) deliver(text string) {
	for i := m.last + 1; i < len(m.items); i++ {
		if m.items[i].text == text {
			m.items[i].got = true
			m.last = i
			return
		}
		if m.lostable[m.items[i].gen] && strings.HasPrefix(m.items[i].text, text) {
			m.items[i].got, m.items[i].part = true, true
			m.last = i
			return
		}
	}
	for i, it := range m.items {
		if it.text == text && !it.got && m.vague() {
			m.items[i].got = true
			return
		}
		if it.text == text && it.got {
			m.fail("line %q came twice or out of order (it is number %d, the last was %d)", text, i, m.last)
		}
	}
	m.fail("line %q was never written so", text)
}

// restart ends the tailer and goes on in a new one at the position that was reached.
func (m *model) restart() {
	m.trace = append(m.trace, "-- restart")
	m.r.Close()
	m.e.Close()
	// What was only open is gone now.
	on := map[int]bool{}
	for _, b := range m.backups {
		on[b.gen] = true
	}
	if m.exists {
		on[m.gen] = true
	}
	for g := range m.gen + 1 {
		if !on[g] {
			m.lostable[g] = true
			m.unseen[g] = true
		}
	}
	m.startEngine()
	m.resume()
}

// reopen goes on with another reader.
func (m *model) reopen() {
	m.r.Close()
	m.resume()
}

func (m *model) resume() {
	m.trace = append(m.trace, "-- resume")
	start := tail.StartAtBeginning()
	if !m.at.IsZero() {
		start = tail.StartAtPosition(m.at)
	} else {
		m.forgiven = m.gen // A reader that never had a position begins anew, with what there is.
	}
	m.openReader(start)
}

// finish writes a last line and reads until it comes.
func (m *model) finish() {
	m.write(1, false)
	want := len(m.items) - 1
	deadline := time.Now().Add(patience)
	for m.last < want {
		if time.Now().After(deadline) {
			m.fail("the last line never came; %d of %d, at %v", m.last, want, m.at)
		}
		m.step(100)
	}
}

// judge compares what came with what was written.
func (m *model) judge() {
	declared := map[int]bool{} // index of the item before a gap
	down := map[int]bool{}     // the same, if a position could not be found again
	for _, k := range m.marks {
		declared[k.after] = true
		if strings.HasPrefix(k.what, "down") {
			down[k.after] = true
		}
	}
	before := -1
	for i, it := range m.items {
		if it.got {
			before = i
			continue
		}
		if !m.lostable[it.gen] && !down[before] {
			m.fail("line %q of content %d is missing, and could have been read", it.text, it.gen)
		}
		if !declared[before] && it.gen >= m.forgiven && !m.unseen[it.gen] && (!m.vague() || len(m.marks) == 0) {
			m.fail("line %q is missing after item %d, and nobody said so; marks %+v", it.text, before, m.marks)
		}
	}
	for _, k := range m.marks {
		// When the tracker races, a generation that is truly lost may have been empty.
		if k.certain && m.synced && k.after+1 < len(m.items) && (k.after < 0 || !m.items[k.after].part) && m.items[k.after+1].got {
			m.fail("a gap is declared after item %d, but nothing is missing there: %s", k.after, k.what)
		}
	}
}
