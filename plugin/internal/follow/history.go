package follow

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// historyTries is how often history is looked up again because files were renamed or deleted meanwhile.
const historyTries = 10

// loadHistory puts the generations before the chain: the rotated files in the folder that are not held and are older. They are
// in the order that their names and times suggest. One that cannot be opened is a lost generation in its place, and is tried again the
// next time. It runs on the tracker.
func (l *Log) loadHistory() {
	if l.at.dir == nil {
		return
	}
	for try := 1; ; try++ {
		l.refreshNames()
		listed, unlisted := l.rotated()
		files := l.openMissed(slices.Clone(listed), unlisted == nil)
		l.mu.Lock()
		chain := slices.Clone(l.chain)
		l.mu.Unlock()
		files = l.beforeChain(olderThan(files, chain), listed, chain)
		tooOld := max(len(files)-max(l.e.opts.MaxHeld-len(chain), 0), 0)
		gens, moved := l.openAll(files[tooOld:])
		if again, err := l.rotated(); err == nil && !slices.EqualFunc(listed, again, sameName) {
			moved = true // What is renamed while a folder is listed may be passed over.
		}
		if moved {
			// The names do not tell which is which: not even their order.
			for _, g := range gens {
				l.discard(g)
			}
			if gens = nil; try < historyTries {
				continue
			}
		}
		var d *doubt
		switch {
		case moved:
			d = &doubt{len(files) > 0, "rotated files were renamed all the time while they were looked up"}
		case unlisted != nil:
			d = &doubt{false, "a folder with rotated files " + cannot("be listed", unlisted)}
		}
		l.prepend(gens, int64(tooOld), d)
		return
	}
}

// doubt says that there may be generations before the chain that were not found when history was looked up, and why.
type doubt struct {
	certain bool // there are
	why     string
}

// openAll opens rotated files. moved means that the names that were listed have come to stand for other files meanwhile.
func (l *Log) openAll(files []sibling) (gens []*generation, moved bool) {
	for _, f := range files {
		g, err := l.openOld(f)
		switch {
		case errors.Is(err, tail.ErrNotFound), errors.Is(err, tail.ErrNotRegular), errors.Is(err, tail.ErrNotAllowed), err == nil && g == nil:
			moved = true
			continue
		case err != nil:
			g = missed(f, err)
		case f.info != nil && !f.is(g.on.id):
			moved = true
		}
		if g != nil {
			gens = append(gens, g)
		}
	}
	return gens, moved
}

// missed stands for a rotated file that cannot be opened; nil if there is nothing in it.
func missed(f sibling, err error) *generation {
	if f.info != nil && f.info.Size() == 0 {
		return nil
	}
	h := &held{was: f.Name, refs: 1, missed: &f}
	g := &generation{
		on: h, how: tail.HowRenamed, order: tail.OrderInferred, state: lost, sealed: true, cause: tail.CauseUnreadable,
		evidence: []string{f.Name + " " + cannot("be opened", err)}, name: f.Name, idle: time.Now(),
	}
	if f.info != nil && f.Packed == "" {
		g.known = f.info.Size()
	}
	h.newest = g
	return g
}

// cannot says for people that something failed, and why.
func cannot(what string, err error) string {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return "could not " + what + ": " + errno.Error()
	}
	return "could not " + what
}

// prepend puts gens before the chain.
func (l *Log) prepend(gens []*generation, tooOld int64, d *doubt) {
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
		if g.on.missed != nil {
			l.e.tally.missed(g.cause)
		}
	}
	l.chain = append(gens, l.chain...)
	l.tooOld, l.doubt = tooOld, d
	l.whole = d == nil && !slices.ContainsFunc(l.chain, func(g *generation) bool { return g.on.missed != nil })
	l.broadcastLocked()
}

// openMissed tries the files again that could not be opened before, each in its place in the chain, and returns the others. all says
// that files are all that there are.
func (l *Log) openMissed(files []sibling, all bool) []sibling {
	l.mu.Lock()
	var again []*generation
	for _, g := range l.chain {
		if g.on.missed != nil {
			again = append(again, g)
		}
	}
	l.mu.Unlock()
	for _, g := range again {
		i := slices.IndexFunc(files, g.on.missed.same)
		if i < 0 {
			if all { // Whatever has become of it, it is not what it was.
				l.replace(g, nil)
			}
			continue
		}
		n, err := l.openOld(files[i])
		files = slices.Delete(files, i, i+1)
		if err == nil && n != nil && (!g.on.missed.is(n.on.id) || !l.replace(g, n)) {
			l.discard(n)
		}
	}
	return files
}

// replace puts n in the place of g, which is lost, or nothing, if g is the first. It reports false if that is not possible now.
func (l *Log) replace(g, n *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.chain, g)
	// A reader may wait there only if nothing comes after it.
	if i < 0 || g.readers > 0 || g.next == nil || g.next.state == pending || n == nil && i > 0 {
		return false
	}
	if n == nil {
		l.chain = l.chain[1:]
		return true
	}
	n.next, n.how, n.order = g.next, g.how, g.order
	l.chain[i] = n
	if i > 0 {
		l.chain[i-1].next = n
	}
	return true
}

// openOld opens a rotated file. It returns nil if that is a generation of the chain after all.
func (l *Log) openOld(f sibling) (*generation, error) {
	h, err := l.openSibling(f)
	if err != nil {
		return nil, err
	}
	if l.heldAs(h.id) != nil {
		h.close()
		return nil, nil
	}
	h.refs = 1
	h.seq = 0
	g := &generation{on: h, how: tail.HowRenamed, order: tail.OrderInferred, state: ready, found: true, name: f.Name, idle: time.Now()}
	g.token = h.id.token(0).String()
	h.newest = g
	if h.name != "" {
		l.names[h.name] = h
	}
	if as := cmp.Or(f.Packed, packedAs(h)); as != "" {
		if as != ".gz" {
			g.state, g.sealed, g.cause = lost, true, tail.CauseUnreadable
			g.evidence = []string{f.Name + " is compressed in a way that cannot be read: " + strings.TrimPrefix(as, ".")}
			return g, nil
		}
		g.packed, g.sealed = newPacked(l.e, h.file), true
		return g, nil
	}
	h.mark, _ = l.e.watch.Mark(h.fd, func() { l.written(h) })
	size, _, _, _ := h.size()
	g.raise(size)
	return g, nil
}

// magics are how archives begin, by the names that they mostly have. None of them is text.
var magics = map[string]string{".gz": "\x1f\x8b\x08", ".zst": "\x28\xb5\x2f\xfd", ".xz": "\xfd7zXZ\x00", ".lz4": "\x04\x22\x4d\x18"}

// packedAs says what a rotated file is compressed as whose name does not tell, which svlogd's processors leave as it is; empty if it is not.
func packedAs(h *held) string {
	var b [8]byte
	n, err := h.readAt(b[:], 0)
	if err != nil {
		return ""
	}
	for as, magic := range magics {
		if strings.HasPrefix(string(b[:n]), magic) {
			return as
		}
	}
	return ""
}

// openSibling opens a rotated file. It has a name in the folder of the log, or none there.
func (l *Log) openSibling(f sibling) (*held, error) {
	if f.folder == l.at.folder {
		h, err := l.open(f.Name)
		if err == nil {
			h.name = f.Name
		}
		return h, err
	}
	path, err := l.e.guard.Join(f.folder, f.Name)
	if err != nil {
		return nil, err
	}
	h, err := l.openPath(path)
	if err == nil {
		h.was, h.fate = f.Name, movedAway
	}
	return h, err
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
