package rotate

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cascade raises the number of each backup by one, from the oldest; for a moment there is no number 1.
func (p *plain) cascade(suffix string) error {
	top := p.o.MaxBackups
	if top == 0 {
		top = p.highest
	}
	for i := top; i > 0; i-- {
		err := os.Rename(numbered(p.o.Path, i)+suffix, numbered(p.o.Path, i+1)+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	p.highest++
	return nil
}

func (p *plain) suffix() string {
	if p.o.Compress {
		return ".gz"
	}
	return ""
}

// dispose removes the backup that is one too many, which is the last step of logrotate.
func (p *plain) dispose() error {
	if p.o.MaxBackups == 0 {
		return nil
	}
	return removeIfThere(numbered(p.o.Path, p.o.MaxBackups+1) + p.suffix())
}

// logrotate: cascade, rename to .1, create an empty successor, tell the writer (who reopens when it gets to it), compress, dispose.
func (p *plain) logrotate() error {
	first := numbered(p.o.Path, 1)
	// There is no log if an earlier attempt came no further than the renaming.
	if exists(p.o.Path) {
		if err := p.cascade(p.suffix()); err != nil {
			return err
		}
		if err := setAside(first); err != nil {
			return err
		}
		if err := os.Rename(p.o.Path, first); err != nil {
			return err
		}
	}
	f, err := createLogrotate(p.o.Path, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if p.o.Late == 0 {
		if err := p.reopen(); err != nil {
			return err
		}
	} else {
		p.switchAt.Store(time.Now().Add(p.o.Late).UnixNano())
	}
	if !p.o.Compress {
		return p.dispose()
	}
	p.beside(func() error {
		if err := p.archive(first); err != nil {
			return err
		}
		return p.dispose()
	})
	return nil
}

// archive compresses a backup as logrotate does: into a file that must be new and gets the backup's times.
func (p *plain) archive(backup string) error {
	info, err := os.Stat(backup)
	if err != nil {
		return err
	}
	if err := gzipFile(backup, backup+".gz", asLogrotate); err != nil {
		return err
	}
	if err := os.Chtimes(backup+".gz", info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return os.Remove(backup)
}

// setAside gives a file that is unexpectedly there (its compression failed) another name, as logrotate does.
func setAside(path string) error {
	if !exists(path) {
		return nil
	}
	return os.Rename(path, path+"-"+time.Now().Format("2006010215")+".backup")
}

// copytruncate: cascade, copy what is there, sync the copy, empty the log, compress the copy, dispose.
func (p *plain) copytruncate() error {
	if err := p.cascade(p.suffix()); err != nil {
		return err
	}
	first := numbered(p.o.Path, 1)
	if err := setAside(first); err != nil {
		return err
	}
	if err := p.copyAndEmpty(first); err != nil {
		return err
	}
	if p.o.Compress {
		if err := p.archive(first); err != nil {
			return err
		}
	}
	return p.dispose()
}

func (p *plain) copyAndEmpty(to string) error {
	if p.o.Style == CopytruncateQuiet {
		p.copying.Lock()
		defer p.copying.Unlock()
	}
	live, err := os.OpenFile(p.o.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer live.Close()
	copied, err := createLogrotate(to, 0o644)
	if err != nil {
		return err
	}
	err = copyBlocks(copied, live)
	if err == nil {
		err = copied.Sync()
	}
	if err = errors.Join(err, copied.Close()); err != nil {
		// As logrotate does: a copy that is not whole is no reason to empty the log.
		return errors.Join(err, os.Remove(to))
	}
	return live.Truncate(0)
}

// loguru: close, find a free name, rename, compress and delete what is too old, create. There is no log until all that is done.
func (p *plain) loguru() error {
	if err := p.closeFile(); err != nil {
		return err
	}
	ext := filepath.Ext(p.o.Path)
	root := strings.TrimSuffix(p.o.Path, ext)
	born := p.loguruBorn()
	stamp := born.Format("2006-01-02_15-04-05") + fmt.Sprintf("_%06d", born.Nanosecond()/1000)
	target := root + "." + stamp + ext
	for i := 2; exists(target) || exists(target+".gz"); i++ {
		target = root + "." + stamp + "." + strconv.Itoa(i) + ext
	}
	if err := os.Rename(p.o.Path, target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if p.o.Compress && exists(target) {
		if err := gzipFile(target, target+".gz", asOthers); err != nil {
			return err
		}
		if err := os.Remove(target); err != nil {
			return err
		}
	}
	if err := keepNewest(filepath.Dir(p.o.Path), p.o.MaxBackups, byTime, func(name string) bool {
		base := filepath.Base(root)
		return name != filepath.Base(p.o.Path) && strings.HasPrefix(name, base+".") &&
			(strings.HasSuffix(name, ext) || strings.HasSuffix(name, ext+".gz"))
	}); err != nil {
		return err
	}
	if err := p.open(); err != nil {
		return err
	}
	// Where the file system has no such attributes, loguru goes by the time of the last change as well.
	_ = unix.Setxattr(p.o.Path, loguruAttribute, strconv.AppendFloat(nil, float64(time.Now().UnixMicro())/1e6, 'f', 6, 64), 0)
	return nil
}

// loguruAttribute is where loguru keeps when it created a file.
const loguruAttribute = "user.loguru_crtime"

// loguruBorn returns when the log was created; if nobody noted it, as for the first file of a process, when it was changed last.
func (p *plain) loguruBorn() time.Time {
	value := make([]byte, 64)
	if n, err := unix.Getxattr(p.o.Path, loguruAttribute, value); err == nil {
		if seconds, err := strconv.ParseFloat(string(value[:n]), 64); err == nil {
			return time.UnixMicro(int64(math.Round(seconds * 1e6)))
		}
	}
	if info, err := os.Stat(p.o.Path); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

// kubelet: delete what is too old, compress all backups (by way of .tmp), rename the log, which stays as it is until the next time, to a name
// with the second in it, tell the writer. All that is done beside the writer, and never twice in a second.
func (p *plain) kubelet() bool {
	if exists(p.kubeletName()) || exists(p.kubeletName()+".gz") {
		return false
	}
	p.beside(func() error {
		if err := p.kubeletClean(); err != nil {
			return err
		}
		target := p.kubeletName()
		if exists(target) || exists(target+".gz") {
			return nil
		}
		if err := os.Rename(p.o.Path, target); err != nil {
			return err
		}
		p.switchAt.Store(time.Now().Add(p.o.Late).UnixNano())
		return nil
	})
	return true
}

func (p *plain) kubeletName() string { return p.o.Path + "." + time.Now().Format("20060102-150405") }

func (p *plain) kubeletClean() error {
	rotated := func(name string) bool { return strings.HasPrefix(name, filepath.Base(p.o.Path)+".2") }
	dir := filepath.Dir(p.o.Path)
	if p.o.MaxBackups > 0 {
		// One place is for the file that is about to be rotated.
		if err := deleteOlder(dir, p.o.MaxBackups-1, byName, rotated); err != nil {
			return err
		}
	}
	if !p.o.Compress {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if rotated(e.Name()) && filepath.Ext(e.Name()) != ".gz" && filepath.Ext(e.Name()) != ".tmp" {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	for _, name := range names {
		if err := gzipFile(name, name+".tmp", asOthers); err != nil {
			return err
		}
		if err := os.Rename(name+".tmp", name+".gz"); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// byTime puts the file first that was changed last, byName the one whose name comes last.
func byTime(a, b fs.FileInfo) int {
	if c := b.ModTime().Compare(a.ModTime()); c != 0 {
		return c
	}
	return byName(a, b)
}

func byName(a, b fs.FileInfo) int { return strings.Compare(b.Name(), a.Name()) }

// keepNewest deletes the files of dir that match, but for the first n in the order given; 0 keeps all.
func keepNewest(dir string, n int, order func(a, b fs.FileInfo) int, match func(name string) bool) error {
	if n == 0 {
		return nil
	}
	return deleteOlder(dir, n, order, match)
}

// deleteOlder deletes the files of dir that match, but for the first n in the order given.
func deleteOlder(dir string, n int, order func(a, b fs.FileInfo) int, match func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if !match(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		files = append(files, info)
	}
	slices.SortFunc(files, order)
	for _, f := range files[min(n, len(files)):] {
		if err := removeIfThere(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// createLogrotate creates a file as logrotate does: it must be new, and only its owner may read it until it has its mode.
func createLogrotate(path string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// packing is how a program makes a compressed file.
type packing struct {
	create func(path string, mode fs.FileMode) (*os.File, error)
	sync   bool
}

var (
	asLogrotate = packing{create: createLogrotate, sync: true}
	// asOthers is how the others do it, which may leave half a file behind that is overwritten the next time.
	asOthers = packing{create: func(path string, mode fs.FileMode) (*os.File, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	}}
)

// gzipFile writes the gzip of from to another file, which gets the mode of from and grows in place. If it fails, nothing of it is left.
func gzipFile(from, to string, how packing) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := how.create(to, info.Mode())
	if err != nil {
		return err
	}
	z := gzip.NewWriter(target)
	_, err = io.Copy(z, source)
	if err = errors.Join(err, z.Close()); err == nil && how.sync {
		err = target.Sync()
	}
	if err = errors.Join(err, target.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
