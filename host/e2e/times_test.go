package e2e

import (
	"sync"
	"time"
)

// times are when lines were written, or came. A nil one notes nothing.
type times struct {
	mu    sync.Mutex // guards notes
	notes []noted
}

// noted is a line, with all before it since the last note, and when.
type noted struct {
	line int64
	at   time.Time
}

func (t *times) note(line int64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, noted{line, time.Now()})
}
