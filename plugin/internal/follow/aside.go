package follow

import (
	"cmp"
	"io/fs"

	"github.com/livetail/livetail/plugin/internal/guard"
)

// linkID tells one link from another. Renaming does not change it.
type linkID struct {
	dev, ino uint64
	made     int64 // ns
}

// aside is a link that was seen before it got to the path.
type aside struct {
	id     linkID
	target *held  // nil once it has been taken
	name   string // its name before a rename of which only the first part has been seen
}

func (a *aside) close() {
	if a != nil && a.target != nil {
		a.target.close()
		a.target = nil
	}
}

// maxAside bounds how many links are remembered that may be renamed to the path.
const maxAside = 64

func (l *Log) setAside(name string, a *aside) {
	k := &l.links
	k.aside[name].close()
	delete(k.aside, name)
	switch {
	case a == nil:
	case len(k.aside) >= maxAside || len(k.half) >= maxAside:
		a.close()
	default:
		k.aside[name] = a
	}
}

// observe opens what the link under a name in the folder of the path leads to; nil if that is no link or leads nowhere.
func (l *Log) observe(name string) *aside {
	p, err := l.e.guard.Join(l.e.guard.Folder(l.path), name)
	if err != nil {
		return nil
	}
	if id, ok := l.linkAt(p); !ok || l.links.seen[id] {
		return nil
	}
	return l.openLink(p)
}

// openLink opens what the link at p leads to; nil if there is no link or it leads nowhere.
func (l *Log) openLink(p guard.Path) *aside {
	id, ok := l.linkAt(p)
	if !ok {
		return nil
	}
	f, err := l.e.guard.Open(p)
	if err != nil {
		return nil
	}
	h, err := hold(f)
	if err != nil {
		return nil
	}
	if again, ok := l.linkAt(p); !ok || again != id {
		h.close()
		return nil
	}
	return &aside{id: id, target: h}
}

// madeAfter reports whether link a was made after link b. Many may be made within one tick of the clock of the file system: then the births of
// the files that they lead to decide, or else the stamps in their names.
func (l *Log) madeAfter(a, b *aside) bool {
	return a.target != nil && b.target != nil && a.id != b.id && cmp.Or(
		cmp.Compare(a.id.made, b.id.made),
		cmp.Compare(a.target.id.btime, b.target.id.btime),
		compareStamps(l.nameOf(a.target.fd).name, l.nameOf(b.target.fd).name)) > 0
}

func (l *Log) linkAt(p guard.Path) (linkID, bool) {
	st, err := l.e.guard.Lstat(p)
	if err != nil || st.Mode()&fs.ModeSymlink == 0 {
		return linkID{}, false
	}
	dev, ino, ok := statInode(st)
	return linkID{dev, ino, st.ModTime().UnixNano()}, ok
}
