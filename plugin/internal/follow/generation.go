package follow

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// held is one inode of a log: to be opened, held open, or lost before it could be opened. While it is held, neither renaming nor deletion
// takes it away, and its number is not given to another file.
//
// The tracker goroutine alone uses the fields from name on. The others are set before the file is published in the chain, except where
// noted.
type held struct {
	file *os.File // nil: not opened yet, or lost
	fd   int
	raw  syscall.RawConn
	id   identity
	mark *watch.Mark

	newest *generation // the newest generation on it; guarded by Log.mu
	refs   int         // generations in the chain that lie on it; guarded by Log.mu

	missed *sibling // of a rotated file that could not be opened: what its name showed; set before its generation is lost

	vague    bool // which of several it is, that came and went in the same moment, cannot be known
	madeHere bool // it was made at the path; what is renamed there was made before

	left int64  // how many files there had been when it lost its name
	seq  int64  // counts the files of the log; of a loose file, those that it can be begin here
	told bool   // of a loose file: it was opened under a name that had been told to be that of a pending one
	name string // its name in the folder now; empty if it has none there
	was  string // the last name it had
	fate fate
}

// fate is what became of a name.
type fate int

const (
	present fate = iota
	deleted
	overwritten
	movedAway
	unreadable
)

func (f fate) cause() tail.Cause {
	switch f {
	case overwritten:
		return tail.CauseOverwritten
	case unreadable:
		return tail.CauseUnreadable
	default:
		return tail.CauseDeleted
	}
}

// state is what is known of a generation.
type state int

const (
	pending state = iota // it exists; not opened yet
	ready                // it is held open and can be read
	lost                 // it was destroyed before it could be opened, or cannot be opened
)

// generation is one content of a log between two rotations: a stretch of one inode. Generations form the chain, oldest to newest, by next.
type generation struct {
	on   *held
	from int64 // its first byte; not 0 only where a file that had been left came back

	packed *packed // nil unless the file is compressed; offsets are always those of the uncompressed content

	// max is the largest size seen. A smaller one means that the file was truncated.
	max atomic.Int64
	// beginnings is how often the first bytes have been read, with nothing before them to tell what they belong to. begins guards it, and no call of the
	// system is made under it.
	begins     sync.Mutex
	beginnings int64
	head       head // its beginning
	// read is how far the reader has read that has come furthest.
	read atomic.Int64
	// reserve is one more than where the NUL bytes began that reached the end of the file when a reader came to them; 0 if none did. Content only grows
	// into them.
	reserve atomic.Int64
	// wrote is when the file was last seen to have been written, in ns.
	wrote atomic.Int64

	// What follows is guarded by Log.mu.

	token    string
	state    state
	how      tail.How        // what made it follow its predecessor
	order    tail.ChainOrder // how that is known
	cause    tail.Cause      // why it is lost
	evidence []string
	name     string   // the last name of its file, for display
	notes    []string // what may be missing before it, found out after readers may have got here
	next     *generation

	begun   begun       // when that was written
	seeking bool        // a copy of what is gone is being looked for
	sought  bool        // one has been looked for at least once
	copyOf  *generation // the generation that this file is a copy of; its readers go on here at the same offset
	known   int64       // of a generation that was given up or could not be opened: how large it was; 0 if that is not known

	settled bool // it was seen to be as it was since its file has left the path

	found  bool // it was found by its name among the rotated files
	cut    bool // the content is gone: the file was emptied or rewritten, and next lies on the same file, unless over
	over   bool // something that is no part of the log was written over it
	sealed bool // nobody writes to it any more, as far as one can know

	ends    int64     // where the part that belongs to a later generation on the same file begins; 0: nowhere
	readers int       // how many readers are at it, or linger there
	idle    time.Time // since when readers is 0

	// What follows belongs to the tracker.

	made            time.Time // when the file was emptied that it lies on; zero if that is not how it began
	cutAt, seekNext time.Time
	seekPause       time.Duration

	size  int64     // when it was last looked at
	grown time.Time // when it was last seen to have grown
}

// position returns the position at off, with the window before it as evidence.
func (g *generation) position(off int64, before *window) tail.Position {
	p := tail.Position{Generation: g.token, Offset: off}
	if before != nil {
		p.Check = before.check()
	}
	return p
}

// start is the position of the first byte.
func (g *generation) start() tail.Position { return tail.Position{Generation: g.token, Offset: g.from} }

// since is what [Log.grow] is to be told of when a size was taken.
func (g *generation) since() int64 {
	g.begins.Lock()
	defer g.begins.Unlock()
	return g.beginnings
}

// admit makes data, which was read at off with nothing before it, content of g. size was taken afterwards. smaller means that g is known to be larger;
// other, that it is known to begin otherwise.
func (g *generation) admit(data []byte, off, size int64) (smaller, other bool) {
	g.begins.Lock()
	defer g.begins.Unlock()
	switch {
	case size < g.max.Load():
		return true, false
	case off == 0 && !g.head.begins(data):
		return false, true
	case off == 0 && g.head.n == 0:
		g.head.n = copy(g.head.b[:], data)
	}
	g.beginnings++
	g.raise(off + int64(len(data))) // Nothing says that the content was the same when the size was taken.
	return false, false
}

// beganWith returns how g begins, as far as that is known.
func (g *generation) beganWith() head {
	g.begins.Lock()
	defer g.begins.Unlock()
	return g.head
}

// know takes over what was found at the beginning of g, unless it is known to begin otherwise.
func (g *generation) know(h head) {
	g.begins.Lock()
	defer g.begins.Unlock()
	if h.n > g.head.n && g.head.begins(h.b[:h.n]) {
		g.head = h
	}
}

// raise makes max at least size, and reports whether it was less.
func (g *generation) raise(size int64) bool { return raise(&g.max, size) }

// raise makes n at least v, and reports whether it was less.
func raise(n *atomic.Int64, v int64) bool {
	for {
		old := n.Load()
		if v <= old {
			return false
		}
		if n.CompareAndSwap(old, v) {
			return true
		}
	}
}
