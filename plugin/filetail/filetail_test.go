package filetail_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file is a log on disk, as its writer and rotator see it.
type file struct {
	t    *testing.T
	path string
	n    int
}

func (f *file) Name() string      { return f.path }
func (f *file) Forbidden() string { return "/etc/passwd" }

func (f *file) Append(text string) {
	f.t.Helper()
	w, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
}

func (f *file) Rotate() {
	f.t.Helper()
	for i := f.n; i >= 1; i-- {
		if err := os.Rename(fmt.Sprintf("%s.%d", f.path, i), fmt.Sprintf("%s.%d", f.path, i+1)); err != nil {
			f.t.Fatal(err)
		}
	}
	f.n++
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		f.t.Fatal(err)
	}
	f.Append("")
}

func (f *file) Truncate() {
	f.t.Helper()
	if err := os.Truncate(f.path, 0); err != nil {
		f.t.Fatal(err)
	}
}

func TestTailer_KeepsTheContract(t *testing.T) {
	for _, noEvents := range []bool{false, true} {
		t.Run(map[bool]string{false: "events", true: "polling"}[noEvents], func(t *testing.T) {
			tailtest.Run(t, func(t *testing.T) (tail.Tailer, tailtest.Log) {
				dir := t.TempDir()
				ft, err := filetail.New(filetail.Config{
					Roots: []string{dir}, Version: "test", NoEvents: noEvents, Poll: 10 * time.Millisecond,
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = ft.Close() })
				return ft, &file{t: t, path: filepath.Join(dir, "app.log")}
			})
		})
	}
}

func TestTailer_BehindAFolderLinkThatLeadsOut_IsAsForbiddenAsTheRestOfTheDisk(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "there.log"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	ft, err := filetail.New(filetail.Config{Roots: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer ft.Close()
	for _, name := range []string{"out", "out/there.log", "out/missing.log", "out/none/there.log"} {
		for _, wait := range []bool{false, true} {
			for _, err := range ft.Follow(t.Context(), tail.FollowRequest{Log: filepath.Join(dir, name), Wait: wait}) {
				if !errors.Is(err, tail.ErrNotAllowed) {
					t.Errorf("%s, wait %v: %v", name, wait, err)
				}
			}
		}
		if _, err := ft.Read(t.Context(), tail.ReadRequest{Log: filepath.Join(dir, name), At: tail.Position{Generation: "a"}, Lines: 1}); !errors.Is(err, tail.ErrNotAllowed) {
			t.Errorf("page of %s: %v", name, err)
		}
	}
}
