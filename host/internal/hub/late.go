package hub

import (
	"slices"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// keptLates and keptLateBytes bound what a feed remembers of late lines, in events and in bytes of text.
	keptLates     = 256
	keptLateBytes = 256 << 10
	// keptForgotten bounds for how many generations it is known up to where late lines have been forgotten.
	keptForgotten = 32
)

// lates are the late lines that a feed has told. They have no place in the order of positions, so a session that joins the feed at a
// position may lack some that the feed has told before, while it read by itself. What it lacks is said by how far it has
// read the generation that they belong to. The zero value holds none.
type lates struct {
	events []toldLate
	bytes  int
	// forgotten is up to where the late lines of a generation are not kept any more.
	forgotten []tail.Position
}

type toldLate struct {
	tail.Late
	seq uint64 // its frame
}

// add keeps what was told in a frame.
func (l *lates) add(e tail.Late, seq uint64) {
	l.events = append(l.events, toldLate{e, seq})
	l.bytes += len(e.Text)
	for len(l.events) > 1 && (len(l.events) > keptLates || l.bytes > keptLateBytes) {
		l.forget(l.events[0].End)
		l.bytes -= len(l.events[0].Text)
		l.events = slices.Delete(l.events, 0, 1)
	}
}

func (l *lates) forget(p tail.Position) {
	l.forgotten = slices.DeleteFunc(l.forgotten, func(q tail.Position) bool { return q.Generation == p.Generation })
	if l.forgotten = append(l.forgotten, p); len(l.forgotten) > keptForgotten {
		l.forgotten = l.forgotten[1:]
	}
}

// missed returns what a session that is at cur, and takes the frames from next on, has to be told besides: late lines of generations
// that it has been in and left, and where some of them are not kept any more, that they are missing.
func (l *lates) missed(cur cursor.Cursor, next uint64) (events []tail.Event) {
	for _, p := range l.forgotten {
		if left, ok := cur.Left(p.Generation); ok && left.Offset < p.Offset {
			n := p.Offset - left.Offset
			events = append(events, tail.Gap{
				Cause: tail.CauseEvicted, Certain: true, After: left, MinBytes: &n,
				Evidence: []string{"lines came late, while this viewer was behind, and are not kept any more"},
			})
			cur.Passed(p)
		}
	}
	for _, e := range l.events {
		if e.seq >= next {
			break
		}
		if _, been := cur.Left(e.Start.Generation); !been {
			continue // It began later, and is told what comes from now on.
		}
		if first, _ := cur.Fit(e.Late); first != nil {
			events = append(events, first)
			cur.Advance(first)
		}
	}
	return events
}
