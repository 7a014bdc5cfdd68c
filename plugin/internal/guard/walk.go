package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/livetail/livetail/plugin/tail"
)

// maxDepth is how deep below a root a walk goes.
const maxDepth = 64

// Entry is a regular file that a walk found.
type Entry struct {
	Path Path
	// Info describes the file after following links.
	Info fs.FileInfo
}

// Walk yields the regular files at prefix and below it, or everything if prefix is empty, in byte order of their paths. Hidden files and
// folders (whose names begin with a dot) are left out unless they are roots or lead to one. Links to files are listed, links to folders
// are not entered unless they are roots. What cannot be read is left out; a folder or a walk with more entries than the guard's limit
// ends the sequence with [tail.ErrTooMany].
func (g *Guard) Walk(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w := &walk{g: g, yield: yield, left: 16 * g.entries}
		if prefix == "" {
			for _, root := range g.outermost() {
				if !w.at(ctx, Path{abs: root}, 0) {
					return
				}
			}
			return
		}
		p, err := g.Resolve(prefix)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w.at(ctx, p, 0)
	}
}

// walk is one walk under way.
type walk struct {
	g     *Guard
	yield func(Entry, error) bool
	left  int // how many more entries it may look at
}

// at yields what is at p. It reports whether to go on.
func (w *walk) at(ctx context.Context, p Path, depth int) bool {
	if err := ctx.Err(); err != nil {
		w.yield(Entry{}, err)
		return false
	}
	info, err := w.g.Stat(p)
	switch {
	case err != nil:
		return true
	case info.Mode().IsRegular():
		return w.yield(Entry{Path: p, Info: info}, nil)
	case info.IsDir() && depth < maxDepth:
		return w.folder(ctx, p, depth)
	default:
		return true
	}
}

func (w *walk) folder(ctx context.Context, p Path, depth int) bool {
	entries, err := w.g.ReadDir(p, func(name string) bool {
		return name[0] != '.' || w.g.leadsToRoot(join(p.abs, name))
	})
	if err == nil && w.left < len(entries) {
		err = fmt.Errorf("there are too many files below %s: ask for a folder: %w", quote(p.abs), tail.ErrTooMany)
	}
	if errors.Is(err, tail.ErrTooMany) {
		w.yield(Entry{}, err)
		return false
	}
	w.left -= len(entries)
	// A folder sorts as its files do, whose names go on with a slash.
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(key(a), key(b)) })
	for _, e := range entries {
		child := Path{abs: join(p.abs, e.Name())}
		if e.Type()&fs.ModeSymlink != 0 {
			if info, err := w.g.Stat(child); err != nil || !info.Mode().IsRegular() && !w.g.isRoot(child.abs) {
				continue
			}
		}
		if !w.at(ctx, child, depth+1) {
			return false
		}
	}
	return true
}

// outermost returns the roots that lie in no other, in byte order of what is in them.
func (g *Guard) outermost() []string {
	var out []string
	for _, r := range g.roots { // By path, so a root comes after those that contain it.
		if !slices.ContainsFunc(out, func(outer string) bool { return contains(outer, r.path) }) {
			out = append(out, r.path)
		}
	}
	key := func(root string) string {
		if g.isFileRoot(root) {
			return root
		}
		return join(root, "")
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return out
}

// leadsToRoot reports whether a root is at abs or below it.
func (g *Guard) leadsToRoot(abs string) bool {
	return slices.ContainsFunc(g.roots, func(r *root) bool { return contains(abs, r.path) })
}

func join(folder, name string) string {
	if folder == "/" {
		return "/" + name
	}
	return folder + "/" + name
}
