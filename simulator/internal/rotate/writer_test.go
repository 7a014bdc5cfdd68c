package rotate_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/simulator/internal/rotate"
)

// fakeDisk is a Log in memory with room for so many bytes.
type fakeDisk struct {
	mu    sync.Mutex // guards room
	files [][]byte
	room  int
	fatal error
	busy  int // how often it cannot rotate now
}

func (d *fakeDisk) Write(p []byte) (int, error) {
	if d.fatal != nil {
		return 0, d.fatal
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(d.room, len(p))
	d.room -= n
	last := len(d.files) - 1
	d.files[last] = append(d.files[last], p[:n]...)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *fakeDisk) Rotate() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy > 0 {
		d.busy--
		return false, nil
	}
	if d.room == 0 {
		return false, syscall.ENOSPC
	}
	d.files = append(d.files, nil)
	return true, nil
}

func (d *fakeDisk) Size() int64  { return int64(len(d.files[len(d.files)-1])) }
func (d *fakeDisk) Close() error { return nil }

func TestWriter_RotateEvery_RotatesBeforeTheFirstLineThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{files: [][]byte{nil}, room: 1000}
		w := rotate.NewWriter(d, 1000, nil)
		w.RotateEvery(time.Minute)
		for _, after := range []time.Duration{0, 59 * time.Second, time.Second, 3 * time.Minute, time.Second} {
			time.Sleep(after)
			if err := w.Write(t.Context(), []byte("line\n")); err != nil {
				t.Fatal(err)
			}
		}
		var sizes []int
		for _, f := range d.files {
			sizes = append(sizes, len(f)/len("line\n"))
		}
		if !slices.Equal(sizes, []int{2, 1, 2}) || w.Stats().Rotations != 2 {
			t.Errorf("lines in the files: %v, %d rotations", sizes, w.Stats().Rotations)
		}
	})
}

func TestWriter_DiskFull_WaitsWarnsRarelyAndCompletesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{files: [][]byte{nil}, room: 25}
		warnings := 0
		w := rotate.NewWriter(d, 1000, func(err error) {
			warnings++
			if !errors.Is(err, syscall.ENOSPC) {
				t.Error(err)
			}
		})
		go func() {
			time.Sleep(35 * time.Second)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.room = 1000
		}()
		start := time.Now()
		if err := w.Write(t.Context(), []byte(strings.Repeat("123456789\n", 4))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 35*time.Second || took > 36*time.Second {
			t.Errorf("took %v, want at most 1 s more than the disk was full", took)
		}
		if warnings != 4 {
			t.Errorf("%d warnings in 35 s, want 4", warnings)
		}
		if got := string(d.files[0]); got != strings.Repeat("123456789\n", 4) {
			t.Errorf("on disk: %q", got)
		}
		if s := w.Stats(); s.Lines != 4 || s.Torn != 0 || s.Bytes != 40 || s.Blocked < 35*time.Second {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestWriter_DiskFullWhileTheFileIsTooLarge_LineStaysInOneFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{files: [][]byte{nil}, room: 25, busy: 1}
		w := rotate.NewWriter(d, 20, nil)
		go func() {
			time.Sleep(time.Second)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.room = 1000
		}()
		for range 4 {
			if err := w.Write(t.Context(), []byte("123456789\n")); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(bytes.Join(d.files, []byte("|"))); got != "123456789\n123456789\n123456789\n|123456789\n" {
			t.Errorf("files %q", got)
		}
	})
}

func TestWriter_StoppedWhileDiskFull_ReportsWhatIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{files: [][]byte{nil}, room: 25}
		w := rotate.NewWriter(d, 1000, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Write(ctx, []byte(strings.Repeat("123456789\n", 4))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if s := w.Stats(); s.Lines != 2 || s.Torn != 1 || s.Bytes != 25 {
			t.Errorf("stats %+v, want 2 lines, 1 torn, 25 bytes", s)
		}
	})
}

func TestWriter_OtherError_IsReturned(t *testing.T) {
	d := &fakeDisk{files: [][]byte{nil}, fatal: syscall.EACCES}
	if err := rotate.NewWriter(d, 1000, nil).Write(t.Context(), []byte("x\n")); !errors.Is(err, syscall.EACCES) {
		t.Errorf("got %v", err)
	}
}

func TestWriter_RotatesAtTheEndOfTheLastLineThatFits(t *testing.T) {
	d := &fakeDisk{files: [][]byte{nil}, room: 10_000}
	w := rotate.NewWriter(d, 25, nil)
	long := strings.Repeat("x", 40) + "\n"
	for _, p := range []string{strings.Repeat("123456789\n", 5), long, "a\n"} {
		if err := w.Write(t.Context(), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, f := range d.files {
		got = append(got, string(bytes.ReplaceAll(f, []byte("123456789\n"), []byte("L"))))
	}
	if want := "LL|LL|L|" + long + "|a\n"; strings.Join(got, "|") != want {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestLumberjack_RealDiskFull_SurvivesAndResumes(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, style := range []rotate.Style{rotate.Lumberjack, rotate.Logrotate, rotate.Loguru} {
		path := filepath.Join(dir, string(style), "app.log")
		l, err := rotate.Open(rotate.Options{Path: path, Style: style, MaxSize: 128 << 10})
		if err != nil {
			t.Fatal(err)
		}
		full := make(chan struct{}, 1)
		w := rotate.NewWriter(l, 128<<10, func(err error) {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%s: %v", style, err)
			}
			full <- struct{}{}
		})
		freed := make(chan struct{})
		go func() { // Ends when the disk was full once.
			defer close(freed)
			<-full
			_ = os.Truncate(ballast, 0)
		}()
		m := newLineMaker(t)
		const total = 12_000
		for i := 0; i < total; i += 100 {
			if err := w.Write(t.Context(), m.make(100)); err != nil {
				t.Fatal(err)
			}
		}
		<-freed
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		got, _ := onDisk(t, filepath.Dir(path))
		if s := w.Stats(); len(got) != total || s.Lines != total || s.Blocked == 0 {
			t.Errorf("%s: %d lines on disk, stats %+v, want %d", style, len(got), s, total)
		}
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
