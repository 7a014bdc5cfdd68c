package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/livetail/livetail/plugin/tail"
)

// openFlags: only reading; a FIFO without a writer returns at once instead of never; a terminal does not become ours; and the
// descriptor is not handed on to a child.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC

// Open opens the regular file at p for reading. The caller closes it. The error is one of [tail.ErrNotAllowed] (a link leads out of the
// roots), [tail.ErrNotFound], [tail.ErrNotRegular] and [tail.ErrUnreadable], with the cause of the system in its chain.
func (g *Guard) Open(p Path) (*os.File, error) {
	// The file may be replaced between looking and opening, which is what rotation does.
	const attempts = 10
	for range attempts {
		f, err := g.tryOpen(p)
		if !errors.Is(err, errReplaced) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s is being replaced all the time: %w", quote(p.abs), tail.ErrUnreadable)
}

// errReplaced says that what was opened is not what was looked at.
var errReplaced = errors.New("replaced while it was opened")

func (g *Guard) tryOpen(p Path) (*os.File, error) {
	if at, info, err := g.straight(p.abs); err == nil {
		defer at.Close()
		if !isLink(info) {
			f, err := openStraight(p, at, info)
			if !errors.Is(err, errNoProc) {
				return f, err
			}
		}
	} else if isMissing(err) {
		return nil, meaning(p, err)
	}
	at, err := g.locate(p.abs, true)
	if err != nil {
		return nil, meaning(p, err)
	}
	defer at.root.Close()
	// Before the open, because opening a device may have effects.
	if !at.info.Mode().IsRegular() {
		return nil, notRegular(p, at.info.Mode())
	}
	f, err := at.root.OpenFile(at.name, openFlags, 0)
	if err != nil {
		if isEscape(err) || errors.Is(err, syscall.ELOOP) {
			return nil, errReplaced // It has become a link.
		}
		return nil, meaning(p, err)
	}
	st, err := f.Stat()
	if err == nil && !os.SameFile(st, at.info) {
		err = errReplaced
	}
	if err != nil {
		_ = f.Close()
		return nil, meaning(p, err)
	}
	return f, nil
}

// openStraight opens what [Guard.straight] has found at p.
func openStraight(p Path, at *os.File, info fs.FileInfo) (*os.File, error) {
	if !info.Mode().IsRegular() {
		return nil, notRegular(p, info.Mode())
	}
	f, err := reopen(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoProc
	}
	if err != nil {
		return nil, meaning(p, err)
	}
	return f, nil
}

// errNoProc says that what is open cannot be opened again, because /proc is not mounted.
var errNoProc = errors.New("no /proc")

// Stat describes what is at p after following links, a regular file or not.
func (g *Guard) Stat(p Path) (fs.FileInfo, error) { return g.describe(p, true) }

// Lstat describes what is at p itself, which may be a link.
func (g *Guard) Lstat(p Path) (fs.FileInfo, error) { return g.describe(p, false) }

func (g *Guard) describe(p Path, followLast bool) (fs.FileInfo, error) {
	if at, info, err := g.straight(p.abs); err == nil {
		_ = at.Close()
		if !followLast || !isLink(info) {
			return info, nil
		}
	} else if isMissing(err) {
		return nil, meaning(p, err)
	}
	at, err := g.locate(p.abs, followLast)
	if err != nil {
		return nil, meaning(p, err)
	}
	_ = at.root.Close()
	return at.info, nil
}

// Found is what a path leads to.
type Found struct {
	Path   Path        // of the file, if that may be asked for by its own name; otherwise the one that was asked for
	Linked bool        // a link stands at the path that was asked for
	Info   fs.FileInfo // describes the file
}

// Find follows p, which may be a link. The rotated generations of a linked log lie where the file does.
func (g *Guard) Find(p Path) (Found, error) {
	if at, info, err := g.straight(p.abs); err == nil {
		_ = at.Close()
		if !isLink(info) {
			return Found{p, false, info}, nil
		}
	} else if isMissing(err) {
		return Found{}, meaning(p, err)
	}
	at, err := g.locate(p.abs, true)
	if err != nil {
		return Found{}, meaning(p, err)
	}
	_ = at.root.Close()
	out := Found{Path: p, Info: at.info}
	if info, err := g.Lstat(p); err == nil {
		out.Linked = isLink(info)
	}
	if g.allows(at.abs) {
		out.Path = Path{abs: at.abs}
	}
	return out, nil
}

// OpenDir opens the folder at p, for watching it. The caller closes it. For the folder of a root that is a file it shows more names than
// may be asked for; use [Guard.ReadDir] for listing.
func (g *Guard) OpenDir(p Path) (*os.File, error) {
	if g.below(p.abs) == nil { // The folder of a root that is a file; the operator named it.
		f, err := os.OpenFile(p.abs, openFlags|syscall.O_DIRECTORY, 0)
		if err != nil {
			return nil, meaning(p, err)
		}
		return f, nil
	}
	at, err := g.locate(p.abs, true)
	if err != nil {
		return nil, meaning(p, err)
	}
	defer at.root.Close()
	f, err := at.root.OpenFile(at.name, openFlags|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, meaning(p, err)
	}
	return f, nil
}

// ReadDir returns the entries of the folder at p whose names may be asked for and that keep wants (nil: all), in no order. More of them
// than the guard's limit is [tail.ErrTooMany]; the entries up to there come with it.
func (g *Guard) ReadDir(p Path, keep func(name string) bool) ([]fs.DirEntry, error) {
	dir, err := g.OpenDir(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	all := g.below(p.abs) != nil // Otherwise the folder of a root that is a file.
	var out []fs.DirEntry
	for {
		batch, err := dir.ReadDir(1024)
		for _, e := range batch {
			if keep != nil && !keep(e.Name()) || !all && !g.allows(filepath.Join(p.abs, e.Name())) {
				continue
			}
			if len(out) == g.entries {
				return out, fmt.Errorf("the folder %s has more than %d files: %w", quote(p.abs), g.entries, tail.ErrTooMany)
			}
			out = append(out, e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, meaning(p, err)
		case len(batch) == 0:
			return out, nil
		}
	}
}

// notRegular names what is there instead of a regular file.
func notRegular(p Path, m fs.FileMode) error {
	kind := "a device"
	switch {
	case m.IsDir():
		kind = "a directory"
	case m&fs.ModeNamedPipe != 0:
		kind = "a FIFO"
	case m&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("%s is %s: %w", quote(p.abs), kind, tail.ErrNotRegular)
}

// meaning gives an error of the system the meaning that the contract has for it.
func meaning(p Path, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err // The path in it is relative to something that the caller does not know.
	}
	switch {
	case errors.Is(err, errReplaced):
		return err
	case errors.Is(err, errOutside), isEscape(err):
		return notAllowed(p.abs)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: %w", quote(p.abs), tail.ErrNotFound)
	default:
		return fmt.Errorf("%s: %w: %w", quote(p.abs), tail.ErrUnreadable, err)
	}
}
