package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// lumber is lumberjack itself, with two additions: it can rotate at any size, and it never rotates when the name that the backup would
// get is taken. The names have a resolution of one millisecond, and lumberjack renames over what is there.
type lumber struct {
	logger *lumberjack.Logger
	path   string
	size   int64
	first  []byte // what a new file begins with
	mark   []byte // what of it is still to be written
}

func openLumberjack(o Options) (*lumber, error) {
	l := &lumber{
		path:  o.Path,
		first: o.Mark,
		logger: &lumberjack.Logger{
			Filename: o.Path,
			// Larger than the limit, so that lumberjack rotates when it is told to and at no other time.
			MaxSize:    int(o.MaxSize>>20) + 2,
			MaxBackups: o.MaxBackups,
			Compress:   o.Compress,
		},
	}
	info, err := os.Stat(o.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// lumberjack makes it with mode 0600, which nobody else could read.
		f, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return nil, err
		}
		l.mark = l.first
		return l, f.Close()
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", o.Path)
	}
	// lumberjack would take a log that it may not write for one that is to be rotated; say it instead.
	f, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if l.size = info.Size(); l.size == 0 {
		l.mark = l.first
	}
	return l, f.Close()
}

func (l *lumber) Write(p []byte) (int, error) {
	var err error
	if l.mark, err = writeAll(l.logger, l.mark); err != nil {
		return 0, plainError(err)
	}
	n, err := l.logger.Write(p)
	l.size += int64(n)
	return n, plainError(err)
}

func (l *lumber) Rotate() (bool, error) {
	for taken(l.path, time.Now()) {
		time.Sleep(200 * time.Microsecond)
	}
	if err := l.logger.Rotate(); err != nil {
		return false, plainError(err)
	}
	l.size, l.mark = 0, l.first
	return true, nil
}

func (l *lumber) Size() int64 { return l.size }

// Close also waits until lumberjack, which deletes and compresses in the background and cannot be asked how far it is, has left what it is told to keep; but not
// for long, because it gives up without a word where it cannot.
func (l *lumber) Close() error {
	err := l.logger.Close()
	const most, step = 2 * time.Second, time.Millisecond
	for end := time.Now().Add(most); !l.tidy() && time.Now().Before(end); {
		time.Sleep(step)
	}
	return err
}

// tidy reports whether there are no more backups than are to be kept, and all are compressed if they are to be.
func (l *lumber) tidy() bool {
	if l.logger.MaxBackups == 0 && !l.logger.Compress {
		return true
	}
	entries, err := os.ReadDir(filepath.Dir(l.path))
	if err != nil {
		return true
	}
	ext := filepath.Ext(l.path)
	prefix := strings.TrimSuffix(filepath.Base(l.path), ext) + "-"
	kept := make(map[string]bool)
	for _, e := range entries {
		plain := strings.TrimSuffix(e.Name(), ".gz")
		stamp, isBackup := strings.CutPrefix(strings.TrimSuffix(plain, ext), prefix)
		if _, err := time.Parse("2006-01-02T15-04-05.000", stamp); !isBackup || err != nil {
			continue
		}
		if kept[plain] = true; l.logger.Compress && plain == e.Name() {
			return false
		}
	}
	return l.logger.MaxBackups == 0 || len(kept) <= l.logger.MaxBackups
}

// taken reports whether a backup of this millisecond or the next ones exists, plain or compressed. The next ones count because time
// goes on until lumberjack looks at the clock, and because the clock may have been set back.
func taken(path string, now time.Time) bool {
	const ahead = 2
	ext := filepath.Ext(path)
	for i := range ahead {
		name := path[:len(path)-len(ext)] + "-" + now.UTC().Add(time.Duration(i)*time.Millisecond).Format("2006-01-02T15-04-05.000") + ext
		for _, suffix := range []string{"", ".gz"} {
			if _, err := os.Lstat(name + suffix); err == nil {
				return true
			}
		}
	}
	return false
}

// plainError gives an error of lumberjack, which keeps only the text of what went wrong, its meaning back.
func plainError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return err
	}
	for _, e := range transient {
		if strings.HasSuffix(err.Error(), e.Error()) {
			return fmt.Errorf("%s (%w)", strings.TrimSuffix(err.Error(), ": "+e.Error()), e)
		}
	}
	return err
}
