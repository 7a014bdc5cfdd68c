package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// linked is a log whose path is a symbolic link to the live file, which has the time in its name.
type linked struct {
	o    Options
	file *os.File
	size int64
	mark []byte // what is still to be written before the first line
}

func openLinked(o Options) (*linked, error) {
	if info, err := os.Lstat(o.Path); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return nil, fmt.Errorf("%s is not a symbolic link; with rotate %s it must be one, or not exist", o.Path, o.Style)
	}
	l := &linked{o: o}
	return l, l.next()
}

// next creates a file and points the path to it.
func (l *linked) next() error {
	ext := filepath.Ext(l.o.Path)
	root := strings.TrimSuffix(l.o.Path, ext)
	now := time.Now()
	name := root + "-" + now.Format("20060102-150405") + fmt.Sprintf(".%06d", now.Nanosecond()/1000) + ext
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := l.point(filepath.Base(name)); err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.size, l.mark = f, 0, l.o.Mark
	return keepNewest(filepath.Dir(l.o.Path), keepWithLive(l.o.MaxBackups), byTime, func(n string) bool {
		return strings.HasPrefix(n, filepath.Base(root)+"-") && strings.HasSuffix(n, ext)
	})
}

// keepWithLive counts the live file, which has a name like the others; 0 stays 0 and keeps all.
func keepWithLive(backups int) int {
	if backups == 0 {
		return 0
	}
	return backups + 1
}

func (l *linked) point(target string) error {
	if l.o.Style == Klog {
		if err := removeIfThere(l.o.Path); err != nil {
			return err
		}
		return os.Symlink(target, l.o.Path)
	}
	temporary := l.o.Path + ".link"
	if err := removeIfThere(temporary); err != nil {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, l.o.Path)
}

func (l *linked) Write(b []byte) (int, error) {
	if l.file == nil {
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	var err error
	if l.mark, err = writeAll(l.file, l.mark); err != nil {
		return 0, err
	}
	n, err := l.file.Write(b)
	l.size += int64(n)
	return n, err
}

func (l *linked) Rotate() (bool, error) {
	if err := l.Close(); err != nil {
		return false, err
	}
	return true, l.next()
}

func (l *linked) Size() int64 { return l.size }

func (l *linked) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
