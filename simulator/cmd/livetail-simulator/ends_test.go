package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/lines"
)

// program is "livetail-simulator run" as a process of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// openDir returns a new folder that everybody may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "livetail-simulator-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts "run" with these arguments, as nobody if this is root and so it is wanted: root may write anywhere.
func start(t *testing.T, asNobody bool, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// By this name the test is the program. Nobody may enter the folder of the test itself.
	name := filepath.Join(openDir(t), "livetail-simulator")
	if os.Link(self, name) != nil { // Another file system.
		text, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{t: t, cmd: exec.CommandContext(t.Context(), name, append([]string{"run", "--sequence", "--stream", "s"}, args...)...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if asNobody && os.Geteuid() == 0 {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait waits for the end, and returns the exit code and what the program says that it wrote.
func (p *program) wait() (code int, r simulator.Report) {
	p.t.Helper()
	// A program that hangs is a failure, too.
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait()
	if p.stdout.Len() > 0 {
		if err := json.Unmarshal(p.stdout.Bytes(), &r); err != nil {
			p.t.Fatalf("%q: %v", p.stdout.String(), err)
		}
	}
	return p.cmd.ProcessState.ExitCode(), r
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// disk is what is in the regular files of a folder.
type disk struct{ lines, bytes, torn int64 }

func look(t *testing.T, dir string) (d disk) {
	t.Helper()
	seen := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "ballast" {
			return err
		}
		text := contents(t, path)
		d.bytes += int64(len(text))
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") {
				d.torn++
				continue
			}
			m, v := lines.Parse([]byte(strings.TrimSuffix(line, "\n")))
			if v != lines.Genuine || seen[m.Sequence] {
				t.Fatalf("%s: %q is %v", path, line, v)
			}
			seen[m.Sequence] = true
			d.lines++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

// smallDisk mounts a file system of so many bytes with a ballast in it that can be thrown off.
func smallDisk(t *testing.T, size, ballast string) (dir, ballastFile string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	ballastFile = filepath.Join(dir, "ballast")
	n := map[string]int{"1m": 1 << 20}[ballast]
	if err := os.WriteFile(ballastFile, make([]byte, n), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, ballastFile
}

func TestRun_DiskFull_WaitsSaysSoGoesOnAndReportsWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"lumberjack", "loguru", "logrotate", "late", "python", "symlink", "klog", "copytruncate-quiet", "none"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			dir, ballast := smallDisk(t, "3m", "1m")
			p := start(t, false, "--rotate", style, "--max-size", "200KB", "--max-backups", "0", "--file", filepath.Join(dir, "logs", "app.log"))
			until(t, "the disk is full", func() bool { return strings.Contains(p.stderr.String(), "waiting until the log can be written") })
			if !strings.Contains(p.stderr.String(), "no space left on device") {
				t.Errorf("says %q", p.stderr.String())
			}
			full := sizeOf(t, dir)
			if err := os.Truncate(ballast, 0); err != nil {
				t.Fatal(err)
			}
			until(t, "it goes on", func() bool { return sizeOf(t, dir) > full+500<<10 })
			p.signal(syscall.SIGTERM) // By now it may be full again.
			code, r := p.wait()
			got := look(t, dir)
			if code != 0 || r.Lines != got.lines || r.Bytes != got.bytes || r.Torn != got.torn || r.Blocked == 0 || r.Lines < 20_000 {
				t.Errorf("exit code %d, reports %+v, on disk are %+v", code, r, got)
			}
		})
	}
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

func TestRun_Signal_EndsNormallyAndReportsWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal syscall.Signal
		args   []string
	}{
		{syscall.SIGINT, []string{"--rotate", "lumberjack", "--rate", "200000"}},
		{syscall.SIGTERM, []string{"--rotate", "logrotate", "--compress", "--rate", "50000"}},
		{syscall.SIGTERM, []string{"--rotate", "loguru", "--compress", "--rate", "5000"}},
		{syscall.SIGHUP, []string{"--rotate", "python", "--rate", "20000"}},
		{syscall.SIGINT, []string{"--rotate", "symlink", "--rate", "100000", "--files", "3", "--trace-every", "10"}},
	} {
		if signal.Ignored(c.signal) {
			continue // Under nohup it is for the program, too.
		}
		dir := t.TempDir()
		p := start(t, false, append(c.args, "--max-size", "100KB", "--max-backups", "0", "--file", filepath.Join(dir, "logs", "app.log"))...)
		until(t, "it has rotated", func() bool {
			entries, _ := os.ReadDir(filepath.Join(dir, "logs"))
			return len(entries) > 4
		})
		p.signal(c.signal)
		_ = p.cmd.Process.Signal(c.signal) // As timeout(1) does, which sends it to the group, too.
		code, r := p.wait()
		said := p.stderr.String() // How far it is, if it takes long, and nothing else.
		if code != 0 || strings.Contains(said, "livetail-simulator: ") || strings.Contains(said, `"level":"warn`) || r.Torn != 0 {
			t.Errorf("%v: exit code %d, reports %+v, says %.500q", c.args, code, r, said)
		}
		if len(r.Files) > 1 {
			continue // The numbers of several streams are alike.
		}
		if got := look(t, dir); r.Lines != got.lines || r.Bytes != got.bytes {
			t.Errorf("%v: reports %+v, on disk are %+v", c.args, r, got)
		}
	}
}

// sentence checks that a program said one sentence of its own.
func (p *program) sentence(want string) {
	p.t.Helper()
	said := strings.TrimSpace(p.stderr.String())
	if strings.Contains(said, "\n") || !strings.HasPrefix(said, "livetail-simulator: ") || !strings.Contains(said, want) {
		p.t.Errorf("says %.500q, want one sentence with %q", said, want)
	}
}

func TestRun_FolderThatCannotBeWritten_IsOneSentence(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	p := start(t, true, "--file", filepath.Join(dir, "app.log"))
	if code, _ := p.wait(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	p.sentence("permission denied")
	// A file system that is read-only for everybody.
	dir, _ = smallDisk(t, "1m", "")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot make a file system read-only: %v", err)
	}
	p = start(t, false, "--file", filepath.Join(dir, "app.log"))
	if code, _ := p.wait(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	p.sentence("read-only file system")
}

func TestRun_FolderThatBecomesReadOnly_EndsWithASentenceAndReportsWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"lumberjack", "loguru", "logrotate", "python", "symlink", "klog", "delete", "replace"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			p := start(t, true, "--rotate", style, "--rate", "20000", "--max-size", "100KB", "--max-backups", "0", "--file", filepath.Join(dir, "app.log"))
			until(t, "it has written", func() bool {
				info, err := os.Stat(filepath.Join(dir, "app.log"))
				return err == nil && info.Size() > 0
			})
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			code, r := p.wait()
			p.sentence("permission denied")
			got := look(t, dir)
			if style == "delete" || style == "replace" { // What they rotated before is gone.
				got = disk{lines: r.Lines, bytes: r.Bytes}
			}
			if code != exitFailed || r.Lines != got.lines || r.Bytes != got.bytes || r.Torn != 0 || r.Lines == 0 {
				t.Errorf("exit code %d, reports %+v, on disk are %+v", code, r, got)
			}
		})
	}
}

func TestRun_FolderVanishes_GoesOnOrEndsWithASentence(t *testing.T) {
	t.Parallel()
	for style, survives := range map[string]bool{
		"lumberjack": true, // It makes the folder anew.
		"loguru":     false, "logrotate": false, "python": false, "copytruncate": false, "symlink": false, "klog": false, "delete": false, "replace": false,
	} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "logs")
			p := start(t, false, "--rotate", style, "--rate", "20000", "--max-size", "100KB", "--file", filepath.Join(dir, "app.log"))
			until(t, "it has written", func() bool {
				info, err := os.Stat(filepath.Join(dir, "app.log"))
				return err == nil && info.Size() > 0
			})
			until(t, "the folder is gone", func() bool { return os.RemoveAll(dir) == nil })
			if survives {
				until(t, "it goes on", func() bool {
					info, err := os.Stat(filepath.Join(dir, "app.log"))
					return err == nil && info.Size() > 0
				})
				p.signal(syscall.SIGTERM)
			}
			code, r := p.wait()
			if survives != (code == 0) || r.Lines == 0 {
				t.Errorf("exit code %d, reports %+v, says %.500q", code, r, p.stderr.String())
			}
			if !survives {
				p.sentence("no such file or directory")
			}
		})
	}
}
