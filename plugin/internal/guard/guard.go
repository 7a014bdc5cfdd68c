// Package guard decides which paths may be opened, and opens them.
//
// A guard has roots: folders below which every regular file may be read, and files that may be read themselves together with their
// rotated siblings. Whatever a client asks for goes through [Guard.Resolve], which looks at the name alone, and then through
// [Guard.Open], which never blocks on a FIFO and opens regular files only. The kernel finds a path on which no link is, and is told to follow
// none; any other goes through [os.Root]. A symbolic link is followed if what it points to is allowed by its own name, however the link is
// written; otherwise it is as forbidden as any other path.
//
// What is not allowed looks the same whether or not it exists: nothing outside the roots is ever examined. What a guard cannot see are
// hard links and mount points inside the roots; who can make those could as well copy the content.
//
// A guard keeps no descriptor open and starts no goroutine: roots may be created, renamed and mounted over while it is in use.
package guard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/tail"
)

// Limits of the names that a guard looks at. A longer one is [tail.ErrBadRequest].
const (
	// MaxComponents is the most parts of a path, separated by slashes.
	MaxComponents = 255
	// MaxName is the longest part of a path, in bytes; no file system that matters allows longer names.
	MaxName = 255
	// maxHops is how many symbolic links are followed on the way to one file; it is the kernel's own limit.
	maxHops = 40
)

// DefaultMaxEntries is the most names that one listing returns if [Options] do not say otherwise.
const DefaultMaxEntries = 65_536

// Options adapt a [Guard]. The zero value is fine.
type Options struct {
	// Sibling reports whether name is that of a rotated generation of the file base, both without folder. It says which other files
	// a root that is a file allows; nil means [family.Sibling].
	Sibling func(base, name string) bool
	// MaxEntries is the most names that one listing returns; 0 means [DefaultMaxEntries].
	MaxEntries int
}

// Guard decides which paths may be opened. It is safe for concurrent use and never changes.
type Guard struct {
	roots    []*root // by path
	sibling  func(base, name string) bool
	entries  int
	warnings []string
}

// root is a folder or file that the operator named.
type root struct {
	path string // absolute and clean
	// pointed is, for a root that was a symbolic link to a file when the guard was made, the folder of that file: the link may move on
	// to other files there.
	pointed string
}

// New returns a guard over roots, which are folders or files. A relative root is taken from the current folder of the process. A root
// that does not exist yet is allowed, see [Guard.Warnings]. The error names the root that makes no sense.
func New(roots []string, opts Options) (*Guard, error) {
	g := &Guard{sibling: opts.Sibling, entries: opts.MaxEntries}
	if g.sibling == nil {
		g.sibling = family.Sibling
	}
	if g.entries <= 0 {
		g.entries = DefaultMaxEntries
	}
	if len(roots) == 0 {
		return nil, errors.New("no root is given: name at least one folder or file whose content may be shown")
	}
	for _, name := range roots {
		if name == "" || strings.ContainsRune(name, 0) {
			return nil, fmt.Errorf("root %q is not a path: name a folder or file", name)
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, fmt.Errorf("root %q: %w", name, err)
		}
		if g.isRoot(abs) {
			continue
		}
		r, warning := newRoot(abs)
		g.roots = append(g.roots, r)
		if warning != "" {
			g.warnings = append(g.warnings, warning)
		}
	}
	slices.SortFunc(g.roots, func(a, b *root) int { return strings.Compare(a.path, b.path) })
	return g, nil
}

// newRoot looks at a root as it is now.
func newRoot(abs string) (r *root, warning string) {
	r = &root{path: abs}
	st, err := os.Stat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return r, fmt.Sprintf("root %s does not exist yet: nothing can be shown from it until it does", abs)
	case err != nil:
		return r, fmt.Sprintf("root %s cannot be examined: %v", abs, err)
	case abs == "/":
		return r, "root / shows every file of this machine that this user may read: name the folder of the logs instead"
	case st.IsDir():
		return r, ""
	case !st.Mode().IsRegular():
		return r, fmt.Sprintf("root %s is neither a folder nor a regular file: nothing can be shown from it", abs)
	}
	if link, err := os.Lstat(abs); err == nil && link.Mode()&os.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(abs); err == nil {
			r.pointed = filepath.Dir(target)
		}
	}
	return r, ""
}

// Warnings says, one sentence each, what about the roots is probably not as meant, as it stood when the guard was made.
func (g *Guard) Warnings() []string { return slices.Clone(g.warnings) }

// Roots returns the roots as absolute paths, in order.
func (g *Guard) Roots() []string {
	out := make([]string, len(g.roots))
	for i, r := range g.roots {
		out[i] = r.path
	}
	return out
}

// RootOf returns the root by which p is allowed: the innermost one that contains it, or the file whose rotated sibling it is.
func (g *Guard) RootOf(p Path) string {
	if r := g.below(p.abs); r != nil {
		return r.path
	}
	if r := g.siblingOf(p.abs); r != nil {
		return r.path
	}
	return ""
}

// Path is a name that a guard allows: absolute and clean. Only the guard makes it. It says nothing about whether anything is there.
type Path struct{ abs string }

// String returns the absolute path.
func (p Path) String() string { return p.abs }

// IsZero reports whether p was not made by a guard.
func (p Path) IsZero() bool { return p.abs == "" }

// Name returns the last part of the path.
func (p Path) Name() string { return filepath.Base(p.abs) }

// Resolve tells whether log may be asked for. It looks at the name alone, so that the answer does not depend on what exists.
//
// The error is [tail.ErrBadRequest] for what can be no absolute path, and [tail.ErrNotAllowed] for one outside the roots or with a
// ".." in it. Nothing is decoded: "%2e%2e" is a name like any other.
func (g *Guard) Resolve(log string) (Path, error) {
	if err := checkName(log); err != nil {
		return Path{}, err
	}
	p := Path{abs: filepath.Clean(log)}
	if slices.Contains(strings.Split(log, "/"), "..") || !g.allows(p.abs) {
		return Path{}, notAllowed(log)
	}
	return p, nil
}

// checkName refuses what can be no absolute path, in one sentence.
func checkName(log string) error {
	switch {
	case log == "":
		return fmt.Errorf("no log is named: %w", tail.ErrBadRequest)
	case len(log) > tail.MaxPath:
		return fmt.Errorf("the name of the log has %d bytes, at most %d are possible: %w", len(log), tail.MaxPath, tail.ErrBadRequest)
	case log[0] != '/':
		return fmt.Errorf("%s is not an absolute path: %w", quote(log), tail.ErrBadRequest)
	case strings.IndexByte(log, 0) >= 0:
		return fmt.Errorf("%s has a NUL byte in it: %w", quote(log), tail.ErrBadRequest)
	case strings.Count(log, "/") > MaxComponents:
		return fmt.Errorf("the name of the log has more than %d parts: %w", MaxComponents, tail.ErrBadRequest)
	}
	for part := range strings.SplitSeq(log, "/") {
		if len(part) > MaxName {
			return fmt.Errorf("a part of the name of the log has %d bytes, at most %d are possible: %w", len(part), MaxName, tail.ErrBadRequest)
		}
	}
	return nil
}

// Folder returns the folder that p lies in. The folder of a root that is a folder is itself. Of the folder of a root that is a file, only
// that file and its siblings can be listed.
func (g *Guard) Folder(p Path) Path {
	folder := filepath.Dir(p.abs)
	if g.below(folder) == nil && g.isRoot(p.abs) && !g.isFileRoot(p.abs) {
		return p
	}
	return Path{abs: folder}
}

// OldFolder returns the folder, absolute or as seen from that of log, to which the rotated files of log are moved. The error is
// [tail.ErrNotAllowed] if it does not lie in a root, and [tail.ErrBadRequest] if it can be no folder; the path is zero also if
// it is the folder of log, or none is named.
func (g *Guard) OldFolder(log Path, folder string) (Path, error) {
	if folder == "" {
		return Path{}, nil
	}
	own := g.Folder(log)
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(own.abs, folder) // The operator's word: ".." in it leads up, as it does for logrotate.
	}
	p, err := g.Resolve(filepath.Clean(folder))
	if err != nil || p == own {
		return Path{}, err
	}
	return p, nil
}

// Join returns the path of name in the folder p, like [Guard.Resolve] of the whole.
func (g *Guard) Join(folder Path, name string) (Path, error) {
	if name == "" || name == "." || strings.ContainsRune(name, '/') {
		return Path{}, notAllowed(name)
	}
	return g.Resolve(strings.TrimSuffix(folder.abs, "/") + "/" + name)
}

// allows reports whether abs may be asked for by its name.
func (g *Guard) allows(abs string) bool { return g.below(abs) != nil || g.siblingOf(abs) != nil }

// below returns the innermost root that is abs or contains it.
func (g *Guard) below(abs string) *root {
	var best *root
	for _, r := range g.roots {
		if contains(r.path, abs) && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	return best
}

// siblingOf returns the root whose rotated sibling abs is by its name. A root that is a folder has none.
func (g *Guard) siblingOf(abs string) *root {
	for _, r := range g.roots {
		if filepath.Dir(r.path) == filepath.Dir(abs) && r.path != abs &&
			g.sibling(filepath.Base(r.path), filepath.Base(abs)) && g.isFileRoot(r.path) {
			return r
		}
	}
	return nil
}

// isFileRoot reports whether abs is a root that is a file, or that is missing and would be one by its name.
func (g *Guard) isFileRoot(abs string) bool {
	if !g.isRoot(abs) {
		return false
	}
	st, err := os.Stat(abs)
	if err != nil {
		// In the middle of a rotation the file is missing while its siblings are there.
		return filepath.Ext(abs) != ""
	}
	return !st.IsDir()
}

func (g *Guard) isRoot(abs string) bool {
	return slices.ContainsFunc(g.roots, func(r *root) bool { return r.path == abs })
}

// contains reports whether path is folder or lies below it; both are clean and absolute.
func contains(folder, path string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/' || folder == "/")
}

// notAllowed is the one error for everything that is forbidden, existing or not.
func notAllowed(log string) error { return fmt.Errorf("%s: %w", quote(log), tail.ErrNotAllowed) }

// quote makes a name fit for a message: quoted, so that it cannot forge a line of a log, and cut.
func quote(name string) string {
	const most = 256
	if len(name) > most {
		return fmt.Sprintf("%q…", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
