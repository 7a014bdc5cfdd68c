package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// plain is a log whose path is the live file itself.
type plain struct {
	o    Options
	file *os.File
	size int64
	// mark is what is still to be written before the first line of a new file.
	mark []byte
	// midLine is set while the last line in the file lacks its end; the writer does not switch files then.
	midLine bool
	// switchAt is when the writer opens the path anew after a rotation, in Unix nanoseconds; 0 if nothing is to be switched. The
	// goroutine of a rotation may set it.
	switchAt atomic.Int64
	// busy is set while a rotation works beside the writer; work waits for its goroutine.
	busy atomic.Bool
	work sync.WaitGroup
	// failed is why the last rotation beside the writer failed; the next one that is wanted returns it. It belongs to the goroutine while
	// busy is set, to the writer otherwise.
	failed error
	// copying is held by CopytruncateQuiet while it copies, and by the writer for each write and on until the line is whole: the rest of it would
	// begin the emptied file.
	copying sync.Mutex
	// keeps is set while the writer holds copying between two writes.
	keeps bool
	// highest is the highest number of a backup, for the styles that number them and keep all.
	highest int
}

func openPlain(o Options) (*plain, error) {
	p := &plain{o: o}
	info, err := os.Lstat(o.Path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", o.Path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := p.open(); err != nil {
		return nil, err
	}
	p.highest = highestNumber(o.Path)
	return p, nil
}

// open opens the path for appending, as a writer does after its log was rotated.
func (p *plain) open() error {
	f, err := os.OpenFile(p.o.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	p.file, p.size, p.mark = f, info.Size(), nil
	if p.size == 0 {
		p.mark = p.o.Mark
	}
	return nil
}

func (p *plain) Write(b []byte) (int, error) {
	if p.o.Style == CopytruncateQuiet {
		p.keepOthersOut(true)
		defer func() { p.keepOthersOut(p.midLine) }()
	}
	if at := p.switchAt.Load(); at != 0 && !p.midLine && time.Now().UnixNano() >= at {
		if err := p.reopen(); err != nil {
			return 0, err
		}
	}
	if p.file == nil {
		// An earlier attempt to open it failed.
		if err := p.open(); err != nil {
			return 0, err
		}
	}
	if err := p.writeMark(); err != nil {
		return 0, err
	}
	n, err := p.file.Write(b)
	p.size += int64(n)
	if n > 0 {
		// The second is the line ending of UTF-16.
		p.midLine = !bytes.HasSuffix(b[:n], []byte("\n")) && !bytes.HasSuffix(b[:n], []byte("\n\x00"))
	}
	return n, err
}

// keepOthersOut takes or gives back copying, unless that is done.
func (p *plain) keepOthersOut(keep bool) {
	switch {
	case keep && !p.keeps:
		p.copying.Lock()
	case !keep && p.keeps:
		p.copying.Unlock()
	}
	p.keeps = keep
}

func (p *plain) writeMark() (err error) {
	p.mark, err = writeAll(p.file, p.mark)
	return err
}

// writeAll writes b and returns what is left of it.
func writeAll(w io.Writer, b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil
	}
	n, err := w.Write(b)
	return b[n:], err
}

func (p *plain) reopen() error {
	p.switchAt.Store(0)
	err := p.closeFile()
	return errors.Join(err, p.open())
}

func (p *plain) closeFile() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}

func (p *plain) Size() int64 {
	if p.o.Style != Copytruncate && p.o.Style != CopytruncateQuiet {
		return p.size
	}
	// Somebody else truncates the file.
	if info, err := p.file.Stat(); err == nil {
		p.size = info.Size()
	}
	return p.size
}

func (p *plain) Close() error {
	err := p.closeFile()
	p.keepOthersOut(false)
	p.work.Wait()
	return errors.Join(err, p.takeFailed())
}

// takeFailed returns why the last rotation beside the writer failed, once.
func (p *plain) takeFailed() error {
	err := p.failed
	p.failed = nil
	return err
}

func (p *plain) Rotate() (bool, error) {
	if p.busy.Load() || p.switchAt.Load() != 0 {
		return false, nil
	}
	if err := p.takeFailed(); err != nil {
		return false, err
	}
	switch p.o.Style {
	case Loguru:
		return true, p.loguru()
	case Logrotate, Late:
		return true, p.logrotate()
	case Copytruncate, CopytruncateQuiet:
		p.beside(p.copytruncate)
		return true, nil
	case Python:
		return true, p.python()
	case Kubelet:
		return p.kubelet(), nil
	case Delete:
		return true, p.deleted()
	case Replace:
		return true, p.replace()
	default:
		return false, nil
	}
}

// beside runs f in a goroutine, which ends when f does; Close waits for it.
func (p *plain) beside(f func() error) {
	p.busy.Store(true)
	p.work.Go(func() {
		defer p.busy.Store(false)
		if err := f(); err != nil {
			p.failed = fmt.Errorf("rotating %s: %w", p.o.Path, err)
		}
	})
}

// deleted: close, unlink, create.
func (p *plain) deleted() error {
	if err := p.closeFile(); err != nil {
		return err
	}
	if err := os.Remove(p.o.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.open()
}

// replace: an empty file is made beside the log and renamed over it.
func (p *plain) replace() error {
	f, err := os.OpenFile(p.o.Path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(p.o.Path+".tmp", p.o.Path); err != nil {
		return err
	}
	return p.reopen()
}

// python: close, then from the oldest on remove the target and rename, remove .1, rename the log to .1, open.
func (p *plain) python() error {
	if err := p.closeFile(); err != nil {
		return err
	}
	top := p.o.MaxBackups
	if top == 0 {
		top = p.highest + 1
	}
	for i := top - 1; i > 0; i-- {
		source, target := numbered(p.o.Path, i), numbered(p.o.Path, i+1)
		if _, err := os.Stat(source); err != nil {
			continue
		}
		if err := removeIfThere(target); err != nil {
			return err
		}
		if err := os.Rename(source, target); err != nil {
			return err
		}
	}
	if err := removeIfThere(numbered(p.o.Path, 1)); err != nil {
		return err
	}
	if err := os.Rename(p.o.Path, numbered(p.o.Path, 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.highest = min(p.highest+1, top)
	return p.open()
}

func removeIfThere(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func numbered(path string, n int) string { return path + "." + strconv.Itoa(n) }

// highestNumber returns the highest n of the files PATH.n and PATH.n.gz.
func highestNumber(path string) int {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return 0
	}
	highest := 0
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(rest, ".gz")); err == nil {
			highest = max(highest, n)
		}
	}
	return highest
}

// copyBlocks copies as logrotate does, in blocks of 8 KiB until a read returns nothing.
func copyBlocks(to io.Writer, from io.Reader) error {
	block := make([]byte, 8<<10)
	for {
		n, err := from.Read(block)
		if n > 0 {
			if _, err := to.Write(block[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
