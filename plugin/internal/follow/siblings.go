package follow

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// sibling is a file in the folder, or in that of old files, that is a generation of the log by its name.
type sibling struct {
	family.Candidate
	folder guard.Path
	info   fs.FileInfo // what the name showed; nil if it could not be looked at
	on     *held       // what it is held as; nil if it is not held
}

// is reports whether the name showed the file that id identifies.
func (s *sibling) is(id identity) bool {
	dev, ino, ok := statInode(s.info)
	return ok && id.sameInode(dev, ino)
}

// same reports whether two names showed the same file with the same content. Nothing keeps its number from being given again.
func (s *sibling) same(o sibling) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil && s.Name == o.Name && s.folder == o.folder
	}
	return os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}

// sameName reports whether one name showed the same file twice.
func sameName(a, b sibling) bool {
	return a.Name == b.Name && a.folder == b.folder && (a.info == nil) == (b.info == nil) && (a.info == nil || os.SameFile(a.info, b.info))
}

// siblings returns the files that are generations of the log by their names and are not held, oldest first. Of a file and
// its compressed form, which may not be complete yet, the file is taken. A folder, a FIFO or a link is none, whatever its name. The error says
// that there may be more of them.
func (l *Log) siblings() ([]sibling, error) {
	all, err := l.rotated()
	return slices.DeleteFunc(all, func(f sibling) bool { return f.on != nil }), err
}

// rotated is siblings with those that are held.
func (l *Log) rotated() ([]sibling, error) {
	files, err := l.rotatedIn(l.at.folder)
	if l.at.old.IsZero() {
		return files, err
	}
	// The other one comes second: what is moved there meanwhile is seen twice, not never.
	old, errOld := l.rotatedIn(l.at.old)
	files = slices.DeleteFunc(files, func(f sibling) bool {
		return slices.ContainsFunc(old, func(o sibling) bool { return f.info != nil && o.info != nil && os.SameFile(f.info, o.info) })
	})
	if errors.Is(errOld, tail.ErrNotFound) {
		errOld = nil // Nothing has been moved there yet.
	}
	return merge(old, files), cmp.Or(err, errOld)
}

// merge puts the files of two folders in one order: each folder keeps its own, which the names tell, and between the two it is told by when the files
// were written.
func merge(a, b []sibling) []sibling {
	out := make([]sibling, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		next := &a
		if b[0].Modified.Before(a[0].Modified) {
			next = &b
		}
		out = append(out, (*next)[0])
		*next = (*next)[1:]
	}
	return append(append(out, a...), b...)
}

// rotatedIn is rotated for one folder.
func (l *Log) rotatedIn(folder guard.Path) ([]sibling, error) {
	entries, err := l.e.guard.ReadDir(folder, func(name string) bool { return family.Sibling(l.at.base, name) })
	plain := make(map[string]bool)
	for _, e := range entries {
		plain[e.Name()] = true
	}
	var files []family.Candidate
	found := make(map[string]sibling)
	for _, e := range entries {
		m, ok := family.Parse(l.at.base, e.Name())
		if !ok || !e.Type().IsRegular() || m.Packed != "" && plain[m.Plain] {
			continue
		}
		f := sibling{Candidate: family.Candidate{Member: m}, folder: folder}
		st, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && !st.Mode().IsRegular():
			continue
		case err == nil:
			f.Modified, f.info, f.on = st.ModTime(), st, l.holder(st)
		}
		files = append(files, f.Candidate)
		found[f.Name] = f
	}
	files, _ = family.Order(files)
	out := make([]sibling, len(files))
	for i, c := range files {
		out[i] = found[c.Name]
	}
	return out, err
}

// hasMissed reports whether f is a generation of the chain that could not be opened.
func (l *Log) hasMissed(f sibling) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.chain, func(g *generation) bool { return g.on.missed != nil && g.on.missed.same(f) })
}

// siblingAt returns what stands under a name; nil if that is not the name of a rotated generation, or cannot be looked at.
func (l *Log) siblingAt(name string) *sibling {
	m, ok := family.Parse(l.at.base, name)
	if !ok {
		return nil
	}
	p, err := l.e.guard.Join(l.at.folder, name)
	if err != nil {
		return nil
	}
	st, err := l.e.guard.Lstat(p)
	if err != nil {
		return nil
	}
	return &sibling{Candidate: family.Candidate{Member: m, Modified: st.ModTime()}, folder: l.at.folder, info: st}
}

// holder returns what the file that st describes is held as; nil if it is not. Its numbers are its own as long as it is.
func (l *Log) holder(st fs.FileInfo) *held {
	dev, ino, ok := statInode(st)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.chain {
		if h := g.on; ok && h.file != nil && h.id.sameInode(dev, ino) {
			return h
		}
	}
	return nil
}

// olderThan leaves those of all rotated files that are not held and come before the oldest generation of the chain that has such a name.
func olderThan(all []sibling, chain []*generation) []sibling {
	for _, g := range chain {
		if g.on.file == nil {
			continue
		}
		if i := slices.IndexFunc(all, func(f sibling) bool { return f.on == g.on }); i >= 0 {
			all = all[:i]
			break
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(f sibling) bool { return f.on != nil })
}
