package rotate_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/simulator/internal/lines"
	"github.com/livetail/livetail/simulator/internal/rotate"
)

func TestMain(m *testing.M) {
	// lumberjack's own goroutine never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// lineMaker makes numbered lines.
type lineMaker struct{ f *lines.Formatter }

func newLineMaker(t *testing.T) lineMaker {
	t.Helper()
	f, err := lines.NewFormatter(lines.Options{Sequence: true})
	if err != nil {
		t.Fatal(err)
	}
	return lineMaker{f}
}

func (m lineMaker) make(n int) []byte {
	var out []byte
	for range n {
		out, _ = m.f.Append(out, &lines.Record{Time: time.Now(), Level: lines.Info, Message: lines.DefaultMessage})
	}
	return out
}

// namesOnDisk returns the names of the files of dir, symbolic links left out.
func namesOnDisk(t *testing.T, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, e.Name())
		}
	}
	return files
}

// onDisk returns the sequence numbers of all lines in the files of dir, symbolic links left out. Nobody may be deleting files there.
func onDisk(t *testing.T, dir string) (sequences []uint64, files []string) {
	t.Helper()
	files = namesOnDisk(t, dir)
	for _, name := range files {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		s := bufio.NewScanner(r)
		for s.Scan() {
			m, v := lines.Parse(s.Bytes())
			if v != lines.Genuine {
				t.Fatalf("%s: %q is %v", name, s.Bytes(), v)
			}
			sequences = append(sequences, m.Sequence)
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(sequences)
	return sequences, files
}

func open(t *testing.T, o rotate.Options) (rotate.Log, *rotate.Writer) {
	t.Helper()
	l, err := rotate.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, rotate.NewWriter(l, o.MaxSize, func(err error) { t.Error(err) })
}

func TestWriter_EveryStyleThatKeeps_HasEachLineOnceOnDisk(t *testing.T) {
	for _, style := range rotate.Styles() {
		for _, compress := range []bool{false, true} {
			if style == rotate.Copytruncate || style == rotate.Delete || style == rotate.Replace || style == rotate.Late && compress {
				continue // These lose lines, which is what they are for.
			}
			dir := t.TempDir()
			o := rotate.Options{Path: filepath.Join(dir, "sub", "app.log"), Style: style, MaxSize: 8 << 10, Compress: compress}
			l, err := rotate.Open(o)
			if err != nil && compress {
				continue // This style does not compress.
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s/compress=%v", style, compress), func(t *testing.T) {
				w := rotate.NewWriter(l, o.MaxSize, func(err error) { t.Error(err) })
				m := newLineMaker(t)
				const total = 4000
				for i := 0; i < total; i += 40 {
					if err := w.Write(t.Context(), m.make(40)); err != nil {
						t.Fatal(err)
					}
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				waitUntil(t, func() bool { // lumberjack compresses on after Close.
					return style != rotate.Lumberjack || !compress || plainBackups(filepath.Dir(o.Path)) == 0
				})
				got, files := onDisk(t, filepath.Dir(o.Path))
				if len(got) != total || got[0] != 1 || got[total-1] != total || len(slices.Compact(slices.Clone(got))) != total {
					t.Errorf("%d lines on disk, %d different ones, want %d", len(got), len(slices.Compact(got)), total)
				}
				s := w.Stats()
				if s.Lines != total || s.Torn != 0 {
					t.Errorf("stats %+v", s)
				}
				if style != rotate.None && s.Rotations < 1 {
					t.Errorf("%d rotations, %d files", s.Rotations, len(files))
				}
			})
		}
	}
}

func plainBackups(dir string) int {
	plain, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
	return len(plain)
}

func waitUntil(t *testing.T, condition func() bool) {
	t.Helper()
	if !wait(condition) {
		t.Fatal("timed out")
	}
}

// wait returns when a condition holds, or false after a long time.
func wait(condition func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func TestLumberjack_RotatedBackToBack_OverwritesNoBackup(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, rotate.Options{Path: filepath.Join(dir, "app.log"), MaxSize: rotate.MinSize})
	const rotations = 300
	for range rotations {
		if done, err := l.Rotate(); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	if files := namesOnDisk(t, dir); len(files) != rotations+1 {
		t.Errorf("%d files after %d rotations", len(files), rotations)
	}
}

func TestLumberjack_BackupOfThisMillisecondExists_IsNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	// As another process, or a clock that was set back, leaves them.
	now := time.Now().UTC()
	for i := range 40 {
		name := "app-" + now.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02T15-04-05.000") + ".log.gz"
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := open(t, rotate.Options{Path: filepath.Join(dir, "app.log"), MaxSize: rotate.MinSize})
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	plain, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
	if len(plain) != 1 {
		t.Fatalf("%v", plain)
	}
	if _, err := os.Stat(plain[0] + ".gz"); err == nil {
		t.Errorf("%s has the name of a backup that existed", plain[0])
	}
}

func TestMaxBackups_IsHeld(t *testing.T) {
	for _, style := range []rotate.Style{
		rotate.Loguru, rotate.Logrotate, rotate.Late, rotate.Python, rotate.Symlink, rotate.Klog, rotate.CopytruncateQuiet, rotate.Lumberjack,
	} {
		t.Run(string(style), func(t *testing.T) {
			dir := t.TempDir()
			l, w := open(t, rotate.Options{Path: filepath.Join(dir, "app.log"), Style: style, MaxSize: 4 << 10, MaxBackups: 3})
			m := newLineMaker(t)
			for w.Stats().Rotations < 10 {
				if err := w.Write(t.Context(), m.make(10)); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			// lumberjack deletes beside the writer.
			waitUntil(t, func() bool { return len(namesOnDisk(t, dir)) == 4 })
		})
	}
}

func TestLate_WriterGoesOnInTheRenamedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	l, w := open(t, rotate.Options{Path: path, Style: rotate.Late, MaxSize: 1 << 20, Late: 50 * time.Millisecond})
	m := newLineMaker(t)
	if err := w.Write(t.Context(), m.make(1)); err != nil {
		t.Fatal(err)
	}
	if done, err := l.Rotate(); !done || err != nil {
		t.Fatal(done, err)
	}
	if done, _ := l.Rotate(); done {
		t.Error("rotated again although the writer has not switched yet")
	}
	if err := w.Write(t.Context(), m.make(1)); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path + ".1")
	if err != nil || strings.Count(string(old), "\n") != 2 {
		t.Errorf("the renamed file has %q, want both lines (%v)", old, err)
	}
	waitUntil(t, func() bool {
		if err := w.Write(t.Context(), m.make(1)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
}

func TestLate_LineThatIsNotComplete_StaysInOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	l, _ := open(t, rotate.Options{Path: path, Style: rotate.Late, MaxSize: 1 << 20, Late: time.Nanosecond})
	write := func(s string) {
		t.Helper()
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write("ab")
	if done, err := l.Rotate(); !done || err != nil {
		t.Fatal(done, err)
	}
	write("cd\n")
	write("ef\n")
	old, _ := os.ReadFile(path + ".1")
	live, _ := os.ReadFile(path)
	if string(old) != "abcd\n" || string(live) != "ef\n" {
		t.Errorf("old %q, live %q", old, live)
	}
}

func TestLogrotate_BackupWhoseCompressionFailed_IsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path+".1", []byte("left behind\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, rotate.Options{Path: path, Style: rotate.Logrotate, MaxSize: 1 << 20, Compress: true})
	if done, err := l.Rotate(); !done || err != nil {
		t.Fatal(done, err)
	}
	kept, _ := filepath.Glob(path + ".1-*.backup")
	if len(kept) != 1 {
		t.Fatalf("kept %v", kept)
	}
	if text, _ := os.ReadFile(kept[0]); string(text) != "left behind\n" {
		t.Errorf("kept %q", text)
	}
}

func TestOpen_Nonsense_IsRefused(t *testing.T) {
	dir := t.TempDir()
	good := rotate.Options{Path: filepath.Join(dir, "app.log"), MaxSize: 1 << 20}
	for name, change := range map[string]func(*rotate.Options){
		"style":    func(o *rotate.Options) { o.Style = "x" },
		"path":     func(o *rotate.Options) { o.Path = "" },
		"size":     func(o *rotate.Options) { o.MaxSize = 10 },
		"backups":  func(o *rotate.Options) { o.MaxBackups = -1 },
		"late":     func(o *rotate.Options) { o.Late = time.Second },
		"compress": func(o *rotate.Options) { o.Compress, o.Style = true, rotate.Python },
		"dir":      func(o *rotate.Options) { o.Path = dir },
	} {
		o := good
		change(&o)
		if l, err := rotate.Open(o); err == nil {
			_ = l.Close()
			t.Errorf("%s: %+v is accepted", name, o)
		}
	}
}
