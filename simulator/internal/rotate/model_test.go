package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/simulator/internal/rotate"
)

// recorder notes what happens in a directory.
type recorder struct {
	t   *testing.T
	fd  int
	out []string
}

func record(t *testing.T, dir string) *recorder {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	const what = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVE | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB
	if _, err := unix.InotifyAddWatch(fd, dir, what); err != nil {
		t.Fatal(err)
	}
	return &recorder{t: t, fd: fd}
}

// events returns what has happened up to now, as the system calls that make it so.
func (r *recorder) events() string {
	r.t.Helper()
	out := r.out
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(r.fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			r.out = out
			return strings.Join(out, ", ")
		}
		if err != nil {
			r.t.Fatal(err)
		}
		for rest := buf[:n]; len(rest) > 0; {
			mask := uint32(rest[4]) | uint32(rest[5])<<8 | uint32(rest[6])<<16 | uint32(rest[7])<<24
			length := int(rest[12]) | int(rest[13])<<8
			name := stampless(strings.TrimRight(string(rest[16:16+length]), "\x00"))
			rest = rest[16+length:]
			switch {
			case mask&unix.IN_MOVED_FROM != 0:
				out = append(out, "rename "+name)
			case mask&unix.IN_MOVED_TO != 0:
				out[len(out)-1] += " to " + name
			case mask&unix.IN_CREATE != 0:
				out = append(out, "create "+name)
			case mask&unix.IN_DELETE != 0:
				out = append(out, "unlink "+name)
			case mask&unix.IN_CLOSE_WRITE != 0:
				out = append(out, "close "+name)
			case mask&unix.IN_ATTRIB != 0:
				out = append(out, "chattr "+name)
			}
		}
	}
}

// stampless returns a name with STAMP for the time in it.
func stampless(name string) string {
	i := strings.Index(name, "20")
	if i < 1 {
		return name
	}
	end := i
	for end < len(name) && strings.IndexByte("0123456789-_T.", name[end]) >= 0 {
		end++
	}
	stamp := strings.TrimRight(name[i:end], ".")
	return name[:i] + "STAMP" + name[i+len(stamp):]
}

// model is what a rotation does to the directory, in order. Files that are kept have been there before.
type model struct {
	style    rotate.Style
	compress bool
	want     string
}

// models are those of the rotators that the styles are named after. What is done beside the writer may come between its own calls; so the
// writer, where it is late, does nothing here until the rest is done.
var models = []model{
	{rotate.Lumberjack, false, "close app.log, rename app.log to app-STAMP.log, create app.log, close app.log, chattr app.log, unlink app-STAMP.log"},
	{rotate.Lumberjack, true, "close app.log, rename app.log to app-STAMP.log, create app.log, close app.log, chattr app.log, unlink app-STAMP.log.gz, " +
		"create app-STAMP.log.gz, close app-STAMP.log.gz, chattr app-STAMP.log.gz, close app-STAMP.log.gz, unlink app-STAMP.log"},
	{rotate.Loguru, false, "close app.log, rename app.log to app.STAMP.log, unlink app.STAMP.log, create app.log, chattr app.log"},
	{rotate.Loguru, true, "close app.log, rename app.log to app.STAMP.log, create app.STAMP.log.gz, close app.STAMP.log.gz, unlink app.STAMP.log, " +
		"unlink app.STAMP.log.gz, create app.log, chattr app.log"},
	{rotate.Logrotate, false, "rename app.log.2 to app.log.3, rename app.log.1 to app.log.2, rename app.log to app.log.1, " +
		"create app.log, chattr app.log, close app.log, close app.log.1, unlink app.log.3"},
	{rotate.Late, true, "rename app.log.2.gz to app.log.3.gz, rename app.log.1.gz to app.log.2.gz, rename app.log to app.log.1, " +
		"create app.log, chattr app.log, close app.log, create app.log.1.gz, chattr app.log.1.gz, close app.log.1.gz, chattr app.log.1.gz, unlink app.log.1, unlink app.log.3.gz"},
	{rotate.Copytruncate, false, "rename app.log.2 to app.log.3, rename app.log.1 to app.log.2, create app.log.1, chattr app.log.1, close app.log.1, close app.log, unlink app.log.3"},
	{rotate.CopytruncateQuiet, true, "rename app.log.2.gz to app.log.3.gz, rename app.log.1.gz to app.log.2.gz, create app.log.1, chattr app.log.1, close app.log.1, close app.log, " +
		"create app.log.1.gz, chattr app.log.1.gz, close app.log.1.gz, chattr app.log.1.gz, unlink app.log.1, unlink app.log.3.gz"},
	{rotate.Python, false, "close app.log, unlink app.log.2, rename app.log.1 to app.log.2, rename app.log to app.log.1, create app.log"},
	{rotate.Kubelet, false, "unlink app.log.STAMP, rename app.log to app.log.STAMP"},
	{rotate.Kubelet, true, "unlink app.log.STAMP.gz, create app.log.STAMP.tmp, close app.log.STAMP.tmp, rename app.log.STAMP.tmp to app.log.STAMP.gz, " +
		"unlink app.log.STAMP, rename app.log to app.log.STAMP"},
	{rotate.Delete, false, "close app.log, unlink app.log, create app.log"},
	{rotate.Replace, false, "create app.log.tmp, close app.log.tmp, rename app.log.tmp to app.log, close app.log"},
	{rotate.Symlink, false, "close app-STAMP.log, create app-STAMP.log, create app.log.link, rename app.log.link to app.log, unlink app-STAMP.log"},
	{rotate.Klog, false, "close app-STAMP.log, create app-STAMP.log, unlink app.log, create app.log, unlink app-STAMP.log"},
}

// TestStyles_DoWhatTheirModelsDoInTheSameOrder watches the directory while a log is rotated of which there are two backups, the most that
// are kept.
func TestStyles_DoWhatTheirModelsDoInTheSameOrder(t *testing.T) {
	for _, m := range models {
		t.Run(fmt.Sprintf("%s/compress=%v", m.style, m.compress), func(t *testing.T) {
			dir := t.TempDir()
			o := rotate.Options{
				Path: filepath.Join(dir, "app.log"), Style: m.style, Compress: m.compress, MaxSize: 1 << 20, MaxBackups: 2,
			}
			backups(t, &o)
			l, w := open(t, o)
			if err := w.Write(t.Context(), newLineMaker(t).make(1)); err != nil {
				t.Fatal(err)
			}
			want := m.want
			if m.style == rotate.Loguru && unix.Setxattr(dir, "user.test", []byte("x"), 0) != nil {
				want = strings.TrimSuffix(want, ", chattr app.log") // This file system has no such attributes.
			}
			r := record(t, dir)
			if done, err := l.Rotate(); !done || err != nil {
				t.Fatal(done, err)
			}
			got := ""
			wait(func() bool { got = r.events(); return got == want })
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// backups makes the backups that are there before.
func backups(t *testing.T, o *rotate.Options) {
	t.Helper()
	suffix := ""
	if o.Compress {
		suffix = ".gz"
	}
	names := map[rotate.Style][]string{
		rotate.Lumberjack: {"app-2020-01-01T00-00-00.000.log" + suffix, "app-2020-01-02T00-00-00.000.log" + suffix},
		rotate.Loguru:     {"app.2020-01-01_00-00-00_000000.log" + suffix, "app.2020-01-02_00-00-00_000000.log" + suffix},
		rotate.Kubelet:    {"app.log.20200101-000000" + suffix, "app.log.20200102-000000" + suffix, "app.log.20200103-000000"},
		rotate.Symlink:    {"app-20200101-000000.000000.log", "app-20200102-000000.000000.log"},
		rotate.Klog:       {"app-20200101-000000.000000.log", "app-20200102-000000.000000.log"},
		rotate.Delete:     nil,
		rotate.Replace:    nil,
	}
	all, known := names[o.Style]
	if !known {
		all = []string{"app.log.2" + suffix, "app.log.1" + suffix}
	}
	if o.Style == rotate.Kubelet {
		o.MaxBackups = 3 // One place is for the file that is rotated.
	}
	for i, name := range all {
		path := filepath.Join(filepath.Dir(o.Path), name)
		if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestModels_ProgramsThemselves_DoAsTheModelsSay has the rotators themselves rotate, and compares what they do with the models.
func TestModels_ProgramsThemselves_DoAsTheModelsSay(t *testing.T) {
	const handler = `
import logging.handlers, sys
h = logging.handlers.RotatingFileHandler(sys.argv[1], backupCount=2)
h.doRollover()
`
	for _, c := range []struct {
		style    rotate.Style
		compress bool
		program  string
		options  string // of logrotate
	}{
		{rotate.Logrotate, false, "logrotate", "create"},
		{rotate.Late, true, "logrotate", "create\ncompress"},
		{rotate.Copytruncate, false, "logrotate", "copytruncate"},
		{rotate.CopytruncateQuiet, true, "logrotate", "copytruncate\ncompress"},
		{rotate.Python, false, "python3", ""},
	} {
		t.Run(fmt.Sprintf("%s/compress=%v", c.style, c.compress), func(t *testing.T) {
			program, err := exec.LookPath(c.program)
			if err != nil {
				program, err = exec.LookPath("/usr/sbin/" + c.program) // Not in the path of everybody.
			}
			if err != nil {
				t.Skipf("%s is not installed", c.program)
			}
			dir := t.TempDir()
			o := rotate.Options{Path: filepath.Join(dir, "app.log"), Style: c.style, Compress: c.compress}
			backups(t, &o)
			if err := os.WriteFile(o.Path, []byte("line\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), program, "-c", handler, o.Path)
			if c.program == "logrotate" {
				config := filepath.Join(t.TempDir(), "conf")
				if err := os.WriteFile(config, fmt.Appendf(nil, "%s {\nrotate 2\n%s\n}\n", o.Path, c.options), 0o600); err != nil {
					t.Fatal(err)
				}
				command = exec.CommandContext(t.Context(), program, "-f", "-s", config+".state", config)
			}
			r := record(t, dir)
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := ""
			for _, m := range models {
				if m.style == c.style && m.compress == c.compress {
					want = m.want
				}
			}
			if got := calls(r.events()); got != calls(want) {
				t.Errorf("got  %s\nwant %s", got, calls(want))
			}
		})
	}
}

// calls leaves out what the writer does, who is not the program, and what is done to attributes, which depends on the file's owner.
func calls(events string) string {
	var out []string
	for e := range strings.SplitSeq(events, ", ") {
		if !strings.HasPrefix(e, "chattr ") && !strings.HasPrefix(e, "close app.log") {
			out = append(out, e)
		}
	}
	return strings.Join(out, ", ")
}
