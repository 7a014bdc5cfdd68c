package follow

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// place is where the live file of a log is expected: an entry of a folder, after following links.
type place struct {
	real   guard.Path // the path after following links
	folder guard.Path
	old    guard.Path // where else rotated files are; zero if nowhere
	base   string     // the entry
	dir    *os.File   // the folder; nil while it does not exist or may not be listed
	noDir  error      // why it cannot be listed
	dev    uint64
	ino    uint64

	stands bool // the live file stood there at the beginning of this look

	journal *watch.Journal // of the folder; nil without events
	outer   *watch.Journal // of the nearest folder that exists, while the folder does not
}

func (p *place) close() {
	p.journal.Close()
	p.outer.Close()
	if p.dir != nil {
		_ = p.dir.Close()
	}
	*p = place{}
}

// settle makes l.at the place that the path leads to now. It reports whether that changed.
func (l *Log) settle() bool {
	g := l.e.guard
	found, err := l.leadsTo()
	real := found.Path
	l.at.stands = err == nil && real == l.at.real && l.isLiveFile(found.Info)
	if l.at.stands { // The file that stood there stands there, so its folder does.
		l.passBack()
		return false
	}
	if err != nil {
		real = l.path
		if l.at.dir != nil {
			real = l.at.real // A dangling link or the pause between two files: stay.
		}
	}
	folder := g.Folder(real)
	dev, ino, folderErr := inodeOf(g, folder)
	if l.at.dir != nil && (errors.Is(err, tail.ErrUnreadable) || errors.Is(folderErr, tail.ErrUnreadable)) {
		return false // No descriptor is left, or a right is missing: that says nothing about where the path leads.
	}
	exists := folderErr == nil
	if l.at.dir != nil && exists && l.at.real == real && l.at.dev == dev && l.at.ino == ino {
		if err == nil {
			l.passBack()
		}
		return false
	}
	var noDir error // There is none, which needs no word of its own.
	if !exists && !errors.Is(folderErr, tail.ErrNotFound) {
		noDir = folderErr
	}
	if l.at.dir == nil && !exists && l.at.outer != nil {
		l.at.noDir = noDir
		return false
	}
	l.forgetPending()
	l.links.turned = true
	l.at.close()
	l.at = place{real: real, folder: folder, base: real.Name(), noDir: noDir}
	l.at.old, _ = g.OldFolder(real, l.e.opts.OldFolders.Of(l.path.String()))
	if exists {
		dir, err := g.OpenDir(folder)
		if l.at.noDir = err; err == nil {
			l.at.dir = dir
			l.at.dev, l.at.ino, _ = inodeOfFile(dir)
			// Where the system does not tell of all changes, no order can be observed and nothing be waited for.
			if _, told := watch.Told(int(dir.Fd())); told {
				l.at.journal, _ = l.e.watch.Journal(int(dir.Fd()), l.kick)
			}
		}
	}
	if l.at.dir == nil {
		l.at.outer = l.watchAncestor(folder)
	}
	l.watchWays()
	l.blind = l.at.journal == nil || !l.first
	clear(l.names)
	clear(l.half)
	l.gone = nil
	return true
}

// isLiveFile reports whether info describes the file that was last known to stand at the place.
func (l *Log) isLiveFile(info fs.FileInfo) bool {
	dev, ino, ok := statInode(info)
	live := l.names[l.at.base]
	return ok && live != nil && live.file != nil && live.id.sameInode(dev, ino)
}

// watchAncestor watches the nearest folder above folder that exists, so that the making of the next one is noticed.
func (l *Log) watchAncestor(folder guard.Path) *watch.Journal {
	for {
		parent := l.e.guard.Folder(folder)
		if parent == folder {
			return nil
		}
		folder = parent
		dir, err := l.e.guard.OpenDir(folder)
		if err != nil {
			if errors.Is(err, tail.ErrNotFound) {
				continue
			}
			return nil
		}
		j, _ := l.e.watch.Journal(int(dir.Fd()), l.kick)
		_ = dir.Close()
		return j
	}
}

func inodeOf(g *guard.Guard, p guard.Path) (dev, ino uint64, err error) {
	st, err := g.Stat(p)
	if err != nil {
		return 0, 0, err
	}
	dev, ino, ok := statInode(st)
	if !ok || !st.IsDir() {
		return 0, 0, errNoFolder(p)
	}
	return dev, ino, nil
}

func inodeOfFile(f *os.File) (dev, ino uint64, ok bool) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, false
	}
	return statInode(st)
}

// link says under which name the kernel knows an open file.
type link struct {
	name   string // the entry of the folder of the log; empty if the file is elsewhere
	gone   bool   // the file has no name at all any more; name is the last one
	since  int64  // when the file was last changed, in ns: if it is gone and nobody writes to it, when it lost its name
	failed bool
}

// named reports whether the file stands in the folder of the log.
func (k link) named() bool { return !k.failed && !k.gone && k.name != "" }

// nameOf asks the kernel for the name of an open file.
func (l *Log) nameOf(fd int) link {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return link{failed: true}
	}
	path, err := os.Readlink(procFD(fd))
	if err != nil {
		return link{failed: true}
	}
	// The name of a deleted file says so at its end; a name may also just end like that.
	if st.Nlink == 0 {
		path = strings.TrimSuffix(path, " (deleted)")
	}
	folder, err := os.Readlink(procFD(int(l.at.dir.Fd())))
	if err != nil {
		return link{failed: true}
	}
	out := link{gone: st.Nlink == 0, since: time.Unix(st.Ctim.Unix()).UnixNano()}
	if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(folder, "/")+"/"); ok && !strings.Contains(rest, "/") {
		out.name = rest
	}
	return out
}
