package follow

import (
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
)

// Condition is what is known about a log that is followed now.
type Condition struct {
	Readers int   // who follow it
	Held    int   // generations that are held open
	Deleted int64 // bytes of deleted files that this keeps from being freed
	Emptied int   // how many of the generations that are remembered were emptied or rewritten in place
	Lost    int   // how many of them were destroyed before they could be opened
}

// Condition reports on the log at path; false if nobody follows it.
func (e *Engine) Condition(path guard.Path) (Condition, bool) {
	e.mu.Lock()
	l := e.logs[path]
	e.mu.Unlock()
	if l == nil {
		return Condition{}, false
	}
	var c Condition
	var files []*held
	l.mu.Lock()
	c.Readers = l.users
	seen := make(map[*held]bool)
	for _, g := range l.chain {
		if g.cut {
			c.Emptied++
		}
		if g.state == lost && g.on.missed == nil {
			c.Lost++
		}
		if g.state == ready && g.on.file != nil && !seen[g.on] {
			seen[g.on] = true
			files = append(files, g.on)
		}
	}
	l.mu.Unlock()
	c.Held = len(files)
	for _, h := range files {
		c.Deleted += h.deletedBytes() // Of one that has been closed meanwhile: 0.
	}
	return c, c.Readers > 0
}

// EventsError says why the engine has no events of the system; nil if it has them.
func (e *Engine) EventsError() error { return e.noWatch }

// Poll returns how often files are looked at without being told.
func (e *Engine) Poll() time.Duration { return e.opts.Poll }

// ProbeEvents tries to watch a folder, and says why that does not work.
func (e *Engine) ProbeEvents(folder guard.Path) error {
	dir, err := e.guard.OpenDir(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	j, err := e.watch.Journal(int(dir.Fd()), func() {})
	j.Close()
	return err
}
