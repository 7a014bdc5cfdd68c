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
	// since is from where on the late lines of a generation are told here, or have been and are kept.
	since []tail.Position
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
	l.forgotten = replace(l.forgotten, p)
	if old, ok := find(l.since, p.Generation); ok && old.Offset < p.Offset {
		l.since = replace(l.since, p)
	}
}

// replace puts p in the place of the position in the same generation. At most keptForgotten are kept, the newest.
func replace(list []tail.Position, p tail.Position) []tail.Position {
	list = slices.DeleteFunc(list, func(q tail.Position) bool { return q.Generation == p.Generation })
	list = append(list, p)
	return list[max(0, len(list)-keptForgotten):]
}

func find(list []tail.Position, generation string) (p tail.Position, ok bool) {
	i := slices.IndexFunc(list, func(q tail.Position) bool { return q.Generation == generation })
	if i < 0 {
		return tail.Position{}, false
	}
	return list[i], true
}

// begin notes where the reading, which is at cur, has left generations of which nothing has been noted yet.
func (l *lates) begin(cur cursor.Cursor) {
	for _, p := range cur.AllLeft() {
		if _, known := find(l.since, p.Generation); !known {
			l.since = replace(l.since, p)
		}
	}
}

// saw notes that a late line was read, of a generation of which nothing may have been noted yet.
func (l *lates) saw(e tail.Late) {
	if _, known := find(l.since, e.Start.Generation); !known {
		l.since = replace(l.since, e.Start)
	}
}

// coverLocked reports whether a session that is at cur gets from f all lines that come late in the generations that it has left lately. If the reading of f has
// never been in one of them, it is made anew, with that one to be watched, too; but only for a session that has caught up, which has been told by
// its own reading what had been written there. f.mu is held.
func (f *feed) coverLocked(cur cursor.Cursor, caughtUp bool) bool {
	var more []tail.Position
	for _, p := range cur.Lately() {
		since, ok := find(f.lates.since, p.Generation)
		switch {
		case ok && since.Offset <= p.Offset:
		case ok || !caughtUp:
			return false // Its own reading tells it first.
		default:
			more = append(more, p)
		}
	}
	if len(more) == 0 {
		return true
	}
	if len(more)+len(f.cur.Lately()) > tail.MaxLeft {
		return false // Nobody else is to lose what is watched for him.
	}
	f.cur.Recall(more)
	f.lates.begin(f.cur)
	f.again = true
	f.stop()
	return true
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
