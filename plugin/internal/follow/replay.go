package follow

import (
	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// half is the first part of a rename.
type half struct {
	name string
	file *held // nil if the file is none of ours
	old  bool  // the journal was asked once more since, so there is no second part
}

// replay applies the journal to what is known about the names of the folder. It reports whether anything changed that concerns the
// log. A wrong or missing event can cost time or the certainty about an order, never content: nothing is read by what it says.
func (l *Log) replay() bool {
	if l.at.outer != nil {
		for _, e := range l.at.outer.Take(-1) {
			if k := e.Kind(); k != watch.Other && e.Name == l.path.Name() || k == watch.FolderGone {
				l.kick() // settle looks at it.
			}
		}
	}
	if l.at.journal == nil {
		return false
	}
	for _, h := range l.half {
		h.old = true // Unless this question finds the other part.
	}
	relevant := false
	for _, e := range l.at.journal.Take(int(l.at.dir.Fd())) {
		if l.apply(e) {
			relevant = true
		}
	}
	return relevant
}

func (l *Log) apply(e watch.Event) bool {
	if e.IsFolder() && e.Name != "" {
		return false
	}
	switch e.Kind() {
	case watch.Created:
		if e.Name == l.at.base {
			l.appendPending(e.Name)
			l.names[e.Name].madeHere = true
			return true
		}
		return l.forget(e.Name)
	case watch.Deleted:
		h := l.names[e.Name]
		if e.Name == l.at.base {
			l.leftBy = tail.HowDeleted
		}
		if h == nil {
			return false
		}
		l.loseName(h, deleted)
		return true
	case watch.MovedFrom:
		h := l.names[e.Name]
		if h == nil && e.Name != l.at.base {
			return false
		}
		if e.Name == l.at.base {
			l.leftBy = tail.HowRenamed
		}
		delete(l.names, e.Name)
		l.half[e.Cookie] = &half{name: e.Name, file: h}
		return true
	case watch.MovedTo:
		return l.arrive(e)
	case watch.Overflow, watch.FolderGone:
		l.blind = true
		l.lossy = "the queue of events overflowed"
		l.kick()
		return true
	default:
		return false
	}
}

// arrive is the second part of a rename, or a file that comes from another folder.
func (l *Log) arrive(e watch.Event) bool {
	var moved *held
	h, known := l.half[e.Cookie]
	if known {
		moved = h.file
		delete(l.half, e.Cookie)
	}
	over := l.names[e.Name]
	if over != nil && over != moved {
		l.loseName(over, overwritten)
	}
	if e.Name == l.at.base {
		if over != nil {
			l.leftBy = tail.HowReplaced
		}
		if moved == nil {
			l.appendPending(e.Name)
			return true
		}
	}
	if moved == nil {
		return over != nil || known
	}
	l.rename(moved, e.Name)
	return true
}

// forget drops what was known under a name that now belongs to another file. It can only be needed after lost events.
func (l *Log) forget(name string) bool {
	h := l.names[name]
	if h == nil {
		return false
	}
	l.loseName(h, deleted)
	return true
}

// loseName notes that a file has no name in the folder any more.
func (l *Log) loseName(h *held, f fate) {
	if l.names[h.name] == h {
		delete(l.names, h.name)
	}
	if h.name != "" {
		h.was = h.name
	}
	h.name, h.fate, h.left = "", f, l.count
	if h.file == nil {
		l.gone = append(l.gone, h)
	}
}

// rename gives a file of the chain another name.
func (l *Log) rename(h *held, name string) {
	if l.names[h.name] == h {
		delete(l.names, h.name)
	}
	h.name, h.fate = name, present
	if name != "" {
		l.names[name] = h
	}
	if name == l.at.base {
		l.comeBack(h)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.chain {
		if g.on == h {
			g.name = name
		}
	}
}

// halved reports whether the second part of a rename may still be told: it may have come about after what was asked of the journal last.
func (l *Log) halved() bool {
	for _, h := range l.half {
		if !h.old {
			return true
		}
	}
	return false
}

// dropHalves gives up waiting for the second part of renames: those files have left the folder.
func (l *Log) dropHalves() {
	for cookie, h := range l.half {
		delete(l.half, cookie)
		if h.file != nil {
			h.file.name = h.name
			l.loseName(h.file, movedAway)
		}
	}
}
