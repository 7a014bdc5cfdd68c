package guard

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// place is a name inside an opened folder, free of links that lead out of it.
type place struct {
	root *os.Root // the caller closes it
	name string   // relative to root
	abs  string   // the same as an absolute path
	info fs.FileInfo
}

// errOutside says that a link leads to what is not allowed.
var errOutside = errors.New("outside of the roots")

// locate finds abs, following links that lead to what is allowed. If followLast is false, a link at the end of abs is the result.
//
// Each link is read, and its target treated as if it had been asked for: so absolute links and links from one root to another work,
// which os.Root by itself refuses, and nothing outside the roots is examined. Names are joined lexically; where a folder on the way is
// itself a link, "../x" in a link may thus mean another file than it does to the kernel, but never one outside the roots.
func (g *Guard) locate(abs string, followLast bool) (place, error) {
	var also []string
	for hop := range maxHops + 1 {
		folder, name, err := g.start(abs, also, hop > 0)
		if err != nil {
			return place{}, err
		}
		if hop == 0 {
			also = g.linkFolders(abs)
		}
		root, err := openRoot(folder)
		if err != nil {
			return place{}, err
		}
		info, err := root.Lstat(name)
		if err == nil && (info.Mode()&fs.ModeSymlink == 0 || !followLast) {
			return place{root, name, abs, info}, nil
		}
		if err == nil || isEscape(err) {
			abs, err = followLink(root, folder, name)
		}
		_ = root.Close()
		if err != nil {
			return place{}, err
		}
	}
	return place{}, syscall.ELOOP
}

// start splits abs into the folder to open and a name in it. also are folders that are allowed besides, and linked says that abs is
// where a link leads.
func (g *Guard) start(abs string, also []string, linked bool) (folder, name string, err error) {
	if r := g.below(abs); r != nil {
		if abs == r.path && g.isFileRoot(abs) {
			return filepath.Dir(abs), filepath.Base(abs), nil
		}
		return r.path, relative(r.path, abs), nil
	}
	if g.siblingOf(abs) != nil {
		return filepath.Dir(abs), filepath.Base(abs), nil
	}
	if !linked {
		return "", "", errOutside
	}
	for _, folder := range also {
		if contains(folder, abs) {
			return folder, relative(folder, abs), nil
		}
	}
	// A root that is a link, or lies below one, has another name for the kernel, and a link may use that.
	for _, r := range g.roots {
		if g.isFileRoot(r.path) {
			// Only its folder: where the root itself leads is not for others to use.
			real, err := filepath.EvalSymlinks(filepath.Dir(r.path))
			if err == nil && join(real, filepath.Base(r.path)) == abs {
				return real, filepath.Base(abs), nil
			}
			continue
		}
		real, err := filepath.EvalSymlinks(r.path)
		if err == nil && contains(real, abs) {
			return r.path, relative(real, abs), nil
		}
	}
	return "", "", errOutside
}

// linkFolders returns where a root that is a file may lead if it is a link: to its own folder and to the one where it led
// when the guard was made. Other names may not.
func (g *Guard) linkFolders(abs string) []string {
	r := g.below(abs)
	if r == nil || r.path != abs || !g.isFileRoot(abs) {
		return nil
	}
	var out []string
	if own, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		out = append(out, own)
	}
	if r.pointed != "" {
		out = append(out, r.pointed)
	}
	return out
}

// followLink returns the absolute path that name in root leads to after its first link.
func followLink(root *os.Root, folder, name string) (string, error) {
	parts := strings.Split(name, "/")
	for i := range parts {
		link := strings.Join(parts[:i+1], "/")
		info, err := root.Lstat(link)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := root.Readlink(link)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			real, err := filepath.EvalSymlinks(folder)
			if err != nil {
				return "", err
			}
			target = filepath.Join(real, filepath.Dir(link), target)
		}
		return filepath.Join(target, strings.Join(parts[i+1:], "/")), nil
	}
	// The link is gone: look again.
	return filepath.Join(folder, name), nil
}

// openRoot opens a folder. It looks first, because opening a FIFO would block.
func openRoot(folder string) (*os.Root, error) {
	st, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, syscall.ENOTDIR
	}
	return os.OpenRoot(folder)
}

// relative returns path, which lies in folder, as seen from there.
func relative(folder, path string) string {
	rest := strings.Trim(strings.TrimPrefix(path, folder), "/")
	if rest == "" {
		return "."
	}
	return rest
}

// isEscape reports whether os.Root refused a name because it leads out. The package os has no name for that error.
func isEscape(err error) bool {
	pe := (*fs.PathError)(nil)
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return err != nil && err.Error() == "path escapes from parent"
}
