package follow

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/tail"
)

// loadHistory puts the generations before the chain: the rotated files in the folder that are not held and are older. They are
// in the order that their names and times suggest. It runs on the tracker.
func (l *Log) loadHistory() {
	if l.at.dir == nil {
		return
	}
	l.refreshNames()
	files := l.siblings()
	l.mu.Lock()
	chain := slices.Clone(l.chain)
	l.mu.Unlock()
	files = l.olderThan(files, chain)
	room := l.e.opts.MaxHeld - len(chain)
	if len(files) > room {
		l.setTooOld(len(files) - max(room, 0))
		files = files[len(files)-max(room, 0):]
	}
	var gens []*generation
	for _, f := range files {
		if g := l.openOld(f); g != nil {
			gens = append(gens, g)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, g := range gens {
		switch {
		case i+1 < len(gens):
			g.next = gens[i+1]
		case len(l.chain) > 0:
			g.next = l.chain[0]
			if l.chain[0].how == 0 {
				l.chain[0].how, l.chain[0].order = tail.HowRenamed, tail.OrderInferred
			}
		}
	}
	l.chain = append(gens, l.chain...)
	l.whole = true
	l.broadcastLocked()
}

func (l *Log) setTooOld(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tooOld = int64(n)
}

// siblings returns the files in the folder that are generations of the log by their names and are not held, oldest first. Of a file and
// its compressed form, which may not be complete yet, the file is taken.
func (l *Log) siblings() []family.Candidate {
	entries, err := l.e.guard.ReadDir(l.at.folder, func(name string) bool { return family.Sibling(l.at.base, name) })
	if err != nil && len(entries) == 0 {
		return nil
	}
	plain := make(map[string]bool)
	for _, e := range entries {
		plain[e.Name()] = true
	}
	var files []family.Candidate
	for _, e := range entries {
		m, ok := family.Parse(l.at.base, e.Name())
		st, err := e.Info()
		if !ok || err != nil || !st.Mode().IsRegular() || m.Packed != "" && plain[m.Plain] || l.holds(st) {
			continue
		}
		files = append(files, family.Candidate{Member: m, Modified: st.ModTime()})
	}
	files, _ = family.Order(files)
	return files
}

// holds reports whether the file that st describes is held open. Its numbers are its own as long as it is.
func (l *Log) holds(st fs.FileInfo) bool {
	dev, ino, ok := statInode(st)
	l.mu.Lock()
	defer l.mu.Unlock()
	return ok && slices.ContainsFunc(l.chain, func(g *generation) bool {
		return g.on.file != nil && g.on.id.sameInode(dev, ino)
	})
}

// olderThan leaves those of files that come before the oldest generation of the chain whose name is known.
func (l *Log) olderThan(files []family.Candidate, chain []*generation) []family.Candidate {
	for _, g := range chain {
		m, ok := family.Parse(l.at.base, g.on.name)
		if !ok {
			continue
		}
		c := family.Candidate{Member: m, Modified: time.Now()}
		if _, written, _, err := g.on.size(); err == nil {
			c.Modified = written
		}
		all, _ := family.Order(append(slices.Clone(files), c))
		i := slices.IndexFunc(all, func(o family.Candidate) bool { return o.Name == c.Name })
		return all[:max(i, 0)]
	}
	return files
}

// openOld opens a rotated file. It returns nil if that is a generation of the chain after all, or gone.
func (l *Log) openOld(f family.Candidate) *generation {
	h, err := l.open(f.Name)
	if err != nil {
		return nil
	}
	if l.heldAs(h.id) != nil {
		h.close()
		return nil
	}
	h.name = f.Name
	h.refs = 1
	h.seq = 0
	g := &generation{on: h, how: tail.HowRenamed, order: tail.OrderInferred, state: ready, name: f.Name, idle: time.Now()}
	g.token = h.id.token(0).String()
	h.newest = g
	l.names[h.name] = h
	if f.Packed != "" {
		if f.Packed != ".gz" {
			g.state, g.sealed, g.cause = lost, true, tail.CauseUnreadable
			g.evidence = []string{f.Name + " is compressed in a way that cannot be read: " + strings.TrimPrefix(f.Packed, ".")}
			return g
		}
		g.packed, g.sealed = newPacked(l.e, h.file), true
		return g
	}
	h.mark, _ = l.e.watch.Mark(h.fd, func() { l.written(h) })
	size, _, _, _ := h.size()
	g.raise(size)
	return g
}

// refreshNames asks the kernel for the names of the files that are held, where there is no journal that says them.
func (l *Log) refreshNames() {
	if !l.blind {
		return
	}
	l.mu.Lock()
	chain := slices.Clone(l.chain)
	l.mu.Unlock()
	clear(l.names)
	for _, g := range chain {
		h := g.on
		if h.file == nil {
			if h.name != "" {
				l.names[h.name] = h
			}
			continue
		}
		at := l.nameOf(h.fd)
		if at.failed {
			continue
		}
		if h.name = at.name; at.gone {
			h.name = ""
		}
		if h.name == "" {
			continue
		}
		l.names[h.name] = h
		l.mu.Lock()
		g.name = h.name
		l.mu.Unlock()
	}
}
