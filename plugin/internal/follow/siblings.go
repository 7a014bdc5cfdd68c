package follow

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/internal/family"
)

// sibling is a file in the folder that is a generation of the log by its name.
type sibling struct {
	family.Candidate
	info fs.FileInfo // what the name showed; nil if it could not be looked at
}

// is reports whether the name showed the file that id identifies.
func (s *sibling) is(id identity) bool {
	dev, ino, ok := statInode(s.info)
	return ok && id.sameInode(dev, ino)
}

// same reports whether two names showed the same file with the same content. Nothing keeps its number from being given again.
func (s *sibling) same(o sibling) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil && s.Name == o.Name
	}
	return os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}

// siblings returns the files in the folder that are generations of the log by their names and are not held, oldest first. Of a file and
// its compressed form, which may not be complete yet, the file is taken. A folder, a FIFO or a link is none, whatever its name. The error says
// that there may be more of them.
func (l *Log) siblings() ([]sibling, error) {
	entries, err := l.e.guard.ReadDir(l.at.folder, func(name string) bool { return family.Sibling(l.at.base, name) })
	plain := make(map[string]bool)
	for _, e := range entries {
		plain[e.Name()] = true
	}
	var files []family.Candidate
	info := make(map[string]fs.FileInfo)
	for _, e := range entries {
		m, ok := family.Parse(l.at.base, e.Name())
		if !ok || !e.Type().IsRegular() || m.Packed != "" && plain[m.Plain] {
			continue
		}
		c := family.Candidate{Member: m}
		st, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil && (!st.Mode().IsRegular() || l.holds(st)):
			continue
		case err == nil:
			c.Modified, info[c.Name] = st.ModTime(), st
		}
		files = append(files, c)
	}
	files, _ = family.Order(files)
	out := make([]sibling, len(files))
	for i, c := range files {
		out[i] = sibling{c, info[c.Name]}
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
	return &sibling{family.Candidate{Member: m, Modified: st.ModTime()}, st}
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
func (l *Log) olderThan(files []sibling, chain []*generation) []sibling {
	for _, g := range chain {
		m, ok := family.Parse(l.at.base, g.on.name)
		if !ok {
			continue
		}
		c := family.Candidate{Member: m, Modified: time.Now()}
		if _, written, _, err := g.on.size(); err == nil {
			c.Modified = written
		}
		byName := make(map[string]sibling)
		var all []family.Candidate
		for _, f := range files {
			byName[f.Name] = f
			all = append(all, f.Candidate)
		}
		all, _ = family.Order(append(all, c))
		var older []sibling
		for _, o := range all {
			if o.Name == c.Name {
				break
			}
			older = append(older, byName[o.Name])
		}
		return older
	}
	return files
}
