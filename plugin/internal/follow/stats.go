package follow

import (
	"strings"
	"sync/atomic"

	"github.com/livetail/livetail/plugin/tail"
)

// Stats is what an engine holds now, and has seen.
type Stats struct {
	// Events reports whether the system gives events; otherwise everything is found by looking.
	Events bool
	// Logs are looked after, Readers read or rest at them.
	Logs, Readers int
	// Held generations are open. Pinned are those of them that are not the newest and that a reader needs, or needed until a moment ago.
	Held, Pinned int
	// DeletedBytes is how much room on the disk deleted files take because they are held.
	DeletedBytes int64
	// Archives is how often a compressed generation was begun to be read, Unpacked how many bytes came out of them.
	Archives, Unpacked int64
	// Roots tells of each root that may be read.
	Roots map[string]RootStats
	// Rotations counts new generations by how the log came to them, Truncations those that began in the same file.
	Rotations   map[tail.How]int64
	Truncations int64
	// Lost counts generations that nobody could read, or that were given up, by why.
	Lost map[tail.Cause]int64
}

// RootStats is about the logs below a root that somebody reads now.
type RootStats struct {
	// Size is that of their live files, Read how far into them the reader has come that is furthest, in bytes.
	Size, Read int64
}

// tally counts what happens to logs, once for each log, however many readers it has.
type tally struct {
	rotations   [tail.HowSwitched + 1]atomic.Int64
	truncations atomic.Int64
	archives    atomic.Int64
	unpacked    atomic.Int64
	lost        [tail.CauseOverrun + 1]atomic.Int64
}

func (t *tally) rotated(how tail.How)    { t.rotations[min(max(how, 0), tail.HowSwitched)].Add(1) }
func (t *tally) missed(cause tail.Cause) { t.lost[min(max(cause, 0), tail.CauseOverrun)].Add(1) }

// Stats returns what is held and seen now.
func (e *Engine) Stats() Stats {
	s := Stats{Events: e.Events(), Rotations: map[tail.How]int64{}, Lost: map[tail.Cause]int64{}, Truncations: e.tally.truncations.Load()}
	s.Archives, s.Unpacked = e.tally.archives.Load(), e.tally.unpacked.Load()
	for how := tail.HowRenamed; how <= tail.HowSwitched; how++ {
		s.Rotations[how] = e.tally.rotations[how].Load()
	}
	for cause := tail.CauseDeleted; cause <= tail.CauseOverrun; cause++ {
		s.Lost[cause] = e.tally.lost[cause].Load()
	}
	e.mu.Lock()
	logs := make([]*Log, 0, len(e.logs))
	for _, l := range e.logs {
		logs = append(logs, l)
	}
	e.mu.Unlock()
	s.Logs = len(logs)
	s.Roots = map[string]RootStats{}
	for _, root := range e.guard.Roots() {
		s.Roots[root] = RootStats{}
	}
	var older []*held
	for _, l := range logs {
		l.mu.Lock()
		s.Readers += l.users
		if n := len(l.chain); n > 0 && l.users > 0 && l.chain[n-1].state == ready {
			l.addTo(s.Roots, l.chain[n-1])
		}
		for i, g := range l.chain {
			if g.state != ready || g.on.newest != g {
				continue
			}
			s.Held++
			if i < len(l.chain)-1 {
				older = append(older, g.on)
				if g.readers > 0 {
					s.Pinned++
				}
			}
		}
		l.mu.Unlock()
	}
	for _, h := range older { // Not under a lock: these are system calls. A file that is closed meanwhile counts as nothing.
		s.DeletedBytes += h.deletedBytes()
	}
	return s
}

// addTo adds the live file of l to the numbers of the longest root that l is, or is below; rotated files of a root that is a file are of none.
func (l *Log) addTo(roots map[string]RootStats, live *generation) {
	best := ""
	for root := range roots {
		below := strings.TrimSuffix(root, "/") + "/"
		if path := l.path.String(); len(root) > len(best) && (path == root || strings.HasPrefix(path, below)) {
			best = root
		}
	}
	if best == "" {
		return
	}
	size := live.max.Load()
	r := roots[best]
	r.Size += size
	r.Read += min(live.read.Load(), size)
	roots[best] = r
}
