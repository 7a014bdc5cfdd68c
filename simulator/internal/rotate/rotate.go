// Package rotate writes log files and rotates them the way the well-known rotators do, system call by system call.
//
// A [Log] is one path whose file one of the styles rotates. A [Writer] sits in front of it: it rotates at the right size, at the end
// of a line, and does not give up when the disk is full. Neither is safe for concurrent use. Where a style works beside its writer
// (compression, copying), the Log runs one goroutine at a time, and Close waits for it.
package rotate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Style names a way of rotating.
type Style string

// The styles.
const (
	// Lumberjack is gopkg.in/natefinch/lumberjack.v2 itself: close, rename to app-TIME.log, create.
	Lumberjack Style = "lumberjack"
	// Loguru is Python's loguru: close, rename to app.TIME.log, compress and delete in between, create.
	Loguru Style = "loguru"
	// Logrotate is logrotate's create: numbers go up from the oldest, the writer reopens some time later.
	Logrotate Style = "logrotate"
	// Copytruncate is logrotate's copytruncate while the writer goes on: what is written between the last read and the truncation is lost.
	Copytruncate Style = "copytruncate"
	// CopytruncateQuiet is the same with a writer that waits, so that nothing is lost.
	CopytruncateQuiet Style = "copytruncate-quiet"
	// Python is RotatingFileHandler of Python's standard library.
	Python Style = "python"
	// Kubelet renames to NAME.TIME, at most once a second, and the writer reopens some time later.
	Kubelet Style = "kubelet"
	// Delete deletes the file and creates it anew; nothing is kept.
	Delete Style = "delete"
	// Replace renames an empty file over the log; nothing is kept.
	Replace Style = "replace"
	// Symlink makes the path a symbolic link that is switched in one step to a new file.
	Symlink Style = "symlink"
	// Klog makes the path a symbolic link that is removed and made anew, as klog does.
	Klog Style = "klog"
	// Late is logrotate's create with a writer that goes on in the renamed file for a while.
	Late Style = "late"
	// None never rotates.
	None Style = "none"
)

// Styles lists the styles.
func Styles() []Style {
	return []Style{
		Lumberjack, Loguru, Logrotate, Copytruncate, CopytruncateQuiet, Python, Kubelet, Delete, Replace, Symlink, Klog, Late, None,
	}
}

// Options says which log is written and how it rotates.
type Options struct {
	// Path is the log.
	Path string
	// Style is how it rotates; empty means [Lumberjack].
	Style Style
	// MaxSize is the size at which the log is rotated, in bytes. It must be at least [MinSize].
	MaxSize int64
	// MaxBackups is how many rotated files are kept; 0 keeps all.
	MaxBackups int
	// Compress compresses rotated files with gzip, where the style can.
	Compress bool
	// Late is how long the writer goes on in the renamed file, for the styles [Late], [Logrotate] and [Kubelet]; 0 means that it
	// switches at once, and 20 ms with Late.
	Late time.Duration
	// Mark is what a new file begins with, as the byte order mark of UTF-16; nil for nothing. It is not counted as written.
	Mark []byte
}

// Limits of [Options].
const (
	MinSize       = 1 << 10
	MaxMaxSize    = 1 << 40
	MaxMaxBackups = 1_000_000
	maxLate       = time.Minute
	lateDefault   = 20 * time.Millisecond
)

// Log is a log that can be rotated.
type Log interface {
	// Write appends p to the live file and returns how much of it is there now.
	Write(p []byte) (n int, err error)
	// Rotate rotates the log, or begins to. It returns false if that is not possible now, and the log grows on. If what went on beside the
	// writer failed, it returns that instead, once.
	Rotate() (bool, error)
	// Size returns the size of the live file, in bytes.
	Size() int64
	// Close closes the live file and waits for what runs beside the writer; if that failed, it returns why.
	Close() error
}

// Open opens or creates the log, its directories included.
func Open(o Options) (Log, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o755); err != nil {
		return nil, err
	}
	switch o.Style {
	case Lumberjack:
		return openLumberjack(o)
	case Symlink, Klog:
		return openLinked(o)
	default:
		return openPlain(o)
	}
}

// Check tells whether Open would accept the options, without touching a file.
func (o Options) Check() error { return o.validate() }

func (o *Options) validate() error {
	if o.Style == "" {
		o.Style = Lumberjack
	}
	if o.Style == Late && o.Late == 0 {
		o.Late = lateDefault
	}
	known := false
	for _, s := range Styles() {
		known = known || s == o.Style
	}
	switch {
	case !known:
		return fmt.Errorf("rotate %q is unknown; use one of %v", o.Style, Styles())
	case o.Path == "":
		return errors.New("the log has no path")
	case o.MaxSize < MinSize || o.MaxSize > MaxMaxSize:
		return fmt.Errorf("max size %d must be from %d to %d bytes", o.MaxSize, MinSize, int64(MaxMaxSize))
	case o.MaxBackups < 0 || o.MaxBackups > MaxMaxBackups:
		return fmt.Errorf("max backups %d must be from 0 to %d", o.MaxBackups, MaxMaxBackups)
	case o.Late < 0 || o.Late > maxLate:
		return fmt.Errorf("late %v must be from 0 to %v", o.Late, maxLate)
	case o.Late > 0 && o.Style != Late && o.Style != Logrotate && o.Style != Kubelet:
		return fmt.Errorf("with rotate %s the writer cannot be late; use late, logrotate or kubelet", o.Style)
	case o.Compress && (o.Style == Delete || o.Style == Replace || o.Style == Symlink || o.Style == Klog || o.Style == Python || o.Style == None):
		return fmt.Errorf("rotate %s does not compress; use lumberjack, loguru, logrotate, copytruncate, kubelet or late", o.Style)
	}
	return nil
}
