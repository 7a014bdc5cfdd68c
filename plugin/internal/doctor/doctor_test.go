package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// engine is a tail engine that says what a test wants.
type engine struct {
	off, probe error
	condition  *Condition
}

func (e *engine) EventsError() error           { return e.off }
func (e *engine) ProbeEvents(guard.Path) error { return e.probe }
func (e *engine) Poll() time.Duration          { return 250 * time.Millisecond }
func (e *engine) Condition(guard.Path) (Condition, bool) {
	if e.condition == nil {
		return Condition{}, false
	}
	return *e.condition, true
}

// ward is a root with logs, and what stands in for the system around it.
type ward struct {
	t      *testing.T
	dir    string // the root
	engine engine
	proc   string // empty: the real one
	etc    string
	old    string // the folder that it is told of for rotated files
}

func newWard(t *testing.T) *ward {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &ward{t: t, dir: filepath.Join(dir, "logs"), etc: filepath.Join(dir, "etc")}
	w.must(os.MkdirAll(w.dir, 0o755))
	return w
}

func (w *ward) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) path(name string) string { return filepath.Join(w.dir, name) }

func (w *ward) write(name, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	w.must(os.WriteFile(w.path(name), []byte(text), 0o644))
}

func (w *ward) logrotate(text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Join(w.etc, "logrotate.d"), 0o755))
	w.must(os.WriteFile(filepath.Join(w.etc, "logrotate.conf"), []byte("# global\nweekly\ninclude /etc/logrotate.d\n"), 0o644))
	w.must(os.WriteFile(filepath.Join(w.etc, "logrotate.d", "app"), []byte(text), 0o644))
}

// fakeProc makes a /proc of these files.
func (w *ward) fakeProc(files map[string]string) {
	w.t.Helper()
	w.proc = filepath.Join(filepath.Dir(w.dir), "proc")
	for name, text := range files {
		w.must(os.MkdirAll(filepath.Dir(filepath.Join(w.proc, name)), 0o755))
		w.must(os.WriteFile(filepath.Join(w.proc, name), []byte(text), 0o644))
	}
}

func (w *ward) doctor() *Doctor {
	w.t.Helper()
	g, err := guard.New([]string{w.dir}, guard.Options{})
	w.must(err)
	var rules []string
	if w.old != "" {
		rules = []string{w.old}
	}
	old, err := perlog.Parse(rules, func(s string) (string, error) { return s, nil })
	w.must(err)
	return &Doctor{Guard: g, Engine: &w.engine, OldFolders: old, Proc: w.proc, Etc: w.etc}
}

func (w *ward) diagnose(name string) tail.Report {
	w.t.Helper()
	d := w.doctor()
	p, err := d.Guard.Resolve(w.path(name))
	w.must(err)
	r, err := d.Diagnose(w.t.Context(), p)
	w.must(err)
	return r
}

func find(r tail.Report, id string) (tail.Finding, bool) {
	for _, f := range r.Findings {
		if f.ID == id {
			return f, true
		}
	}
	return tail.Finding{}, false
}

func text(r tail.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

func TestDiagnose_Situations(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(strings.Repeat("日志的一行\n", 50))
	if err != nil {
		t.Fatal(err)
	}
	utf16 := strings.Join(strings.Split(strings.Repeat("a line\n", 20), ""), "\x00") + "\x00"
	for _, c := range []struct {
		name    string
		prepare func(w *ward)
		log     string // default app.log
		id      string
		level   tail.FindingLevel
		says    string // in the finding
	}{
		{"all is well", func(w *ward) { w.write("app.log", "a\n") }, "", "readable", tail.FindingOK, "2 bytes"},
		{"mistyped", func(w *ward) { w.write("app.log", "a\n") }, "ap.log", "file-missing", tail.FindingProblem, "there is app.log"},
		{"in the pause of a rotation", func(w *ward) { w.write("app.log.1", "a\n") }, "", "file-missing", tail.FindingNote, "1 rotated file is"},
		{"folder is missing", func(w *ward) { w.write("nginx/app.log", "a\n") }, "ngin/app.log", "folder-missing", tail.FindingProblem, "there is nginx"},
		{"a file in the place of a folder", func(w *ward) { w.write("nginx", "a\n") }, "nginx/app.log", "not-a-folder", tail.FindingProblem, ""},
		{"a folder", func(w *ward) { w.write("nginx/app.log", "a\n") }, "nginx", "not-a-file", tail.FindingProblem, "app.log"},
		{"a FIFO", func(w *ward) { w.must(unix.Mkfifo(w.path("app.log"), 0o644)) }, "", "not-a-file", tail.FindingProblem, "FIFO"},
		{"a link", func(w *ward) {
			w.write("app-1.log", "a\n")
			w.must(os.Symlink("app-1.log", w.path("app.log")))
		}, "", "link", tail.FindingOK, "app-1.log"},
		{"a link that leads outside", func(w *ward) { w.must(os.Symlink("/etc/passwd", w.path("app.log"))) }, "", "link-leads-outside", tail.FindingProblem, "root"},
		{"a folder link that leads outside", func(w *ward) { w.must(os.Symlink("/etc", w.path("nginx"))) }, "nginx/passwd", "link-leads-outside", tail.FindingProblem, "root"},
		{"a link to nothing", func(w *ward) { w.must(os.Symlink("app-1.log", w.path("app.log"))) }, "", "link-dangling", tail.FindingProblem, ""},
		{"a link to itself", func(w *ward) { w.must(os.Symlink("app.log", w.path("app.log"))) }, "", "link-loop", tail.FindingProblem, ""},
		{"the root is missing", func(w *ward) { w.must(os.Remove(w.dir)) }, "nginx/app.log", "root-missing", tail.FindingProblem, "mount"},
		{"the root is missing, and with it the folder of the log", func(w *ward) { w.must(os.Remove(w.dir)) }, "app.log", "root-missing", tail.FindingProblem, "mount"},
		{"an archive", func(w *ward) { w.write("app.log", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KJ\xe4\x02") }, "", "encoding", tail.FindingNote, "archive (gzip)"},
		{"mounted alone", func(w *ward) {
			w.write("app.log", "a\n")
			w.fakeProc(map[string]string{"self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:1 /x/app.log " + w.path("app.log") + " ro - ext4 /dev/sda1 rw\n"})
		}, "", "mounted-file", tail.FindingProblem, "Mount its folder"},
		{"in a container's own file system", func(w *ward) {
			w.write("app.log", "a\n")
			w.fakeProc(map[string]string{"self/mountinfo": "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/a\n"})
		}, "", "file-system", tail.FindingNote, "overlay"},
		{"copytruncate", func(w *ward) {
			w.write("app.log", "a\n")
			w.logrotate(w.dir + "/*.log {\n\tdaily\n\tcopytruncate\n}\n")
		}, "", "copytruncate", tail.FindingNote, "create"},
		{"copytruncate of another log", func(w *ward) {
			w.write("app.log", "a\n")
			w.logrotate("/srv/*.log {\n copytruncate\n}\n" + w.dir + "/app.log {\n  postrotate\n  copytruncate {\n  endscript\n  rotate 4 }\n")
		}, "", "logrotate", tail.FindingOK, "/etc/logrotate.d/app"},
		{"emptied while it was followed", func(w *ward) {
			w.write("app.log", "a\n")
			w.engine.condition = &Condition{Readers: 1, Held: 1, Emptied: 2}
		}, "", "copytruncate", tail.FindingNote, ""},
		{"rotate 0", func(w *ward) {
			w.write("app.log", "a\n")
			w.logrotate("\"" + w.dir + "/app.log\" {\nrotate 0\n}\n")
		}, "", "logrotate", tail.FindingNote, "rotate 1"},
		{"olddir outside", func(w *ward) {
			w.write("app.log", "a\n")
			w.logrotate(w.dir + "/app.log {\nolddir /var/old\n}\n")
		}, "", "olddir", tail.FindingNote, "/var/old"},
		{"olddir that nobody told of", func(w *ward) {
			w.write("app.log", "a\n")
			w.write("old/app.log.1", "b\n")
			w.logrotate(w.dir + "/app.log {\nolddir old\n}\n")
		}, "", "olddir", tail.FindingNote, "--old-folder"},
		{"olddir that it was told of", func(w *ward) {
			w.write("app.log", "a\n")
			w.write("old/app.log.1", "b\n")
			w.old = "old"
			w.logrotate(w.dir + "/app.log {\nolddir " + w.dir + "/old\n}\n")
		}, "", "olddir", tail.FindingOK, "/old (olddir)"},
		{"rotated files in the folder that it was told of", func(w *ward) {
			w.write("app.log", "a\n")
			w.write("old/app.log.1", "b\n")
			w.old = "old"
		}, "", "rotation", tail.FindingOK, "app.log.1"},
		{"lumberjack", func(w *ward) {
			w.write("app.log", "a\n")
			w.write("app-2026-11-23T07-00-00.000.log", "b\n")
			w.write("app-2026-11-23T08-00-00.000.log.gz", "c\n")
		}, "", "rotation", tail.FindingOK, "lumberjack: 2 files"},
		{"compressed so that it cannot be read", func(w *ward) {
			w.write("app.log", "a\n")
			w.write("app.log.2.zst", "b\n")
		}, "", "rotation", tail.FindingNote, ".zst"},
		{"GB18030", func(w *ward) { w.write("app.log", gb) }, "", "encoding", tail.FindingNote, "gb18030"},
		{"UTF-16 without a mark", func(w *ward) { w.write("app.log", utf16) }, "", "encoding", tail.FindingNote, "utf-16le"},
		{"UTF-16 with a mark", func(w *ward) { w.write("app.log", "\xff\xfe"+utf16) }, "", "encoding", tail.FindingOK, "utf-16le"},
		{"UTF-8", func(w *ward) { w.write("app.log", strings.Repeat("größer\n", 5000)) }, "", "encoding", tail.FindingOK, "UTF-8"},
		{"a hole", func(w *ward) { w.write("app.log", strings.Repeat("\x00", 9000)+"a\n") }, "", "hole", tail.FindingNote, "O_APPEND"},
		{"empty", func(w *ward) { w.write("app.log", "") }, "", "empty", tail.FindingNote, ""},
		{"long quiet", func(w *ward) {
			w.write("app.log", "a\n")
			w.must(os.Chtimes(w.path("app.log"), time.Time{}, time.Now().Add(-72*time.Hour)))
		}, "", "quiet", tail.FindingNote, "3 days"},
		{"written in the future", func(w *ward) {
			w.write("app.log", "a\n")
			w.must(os.Chtimes(w.path("app.log"), time.Time{}, time.Now().Add(time.Hour)))
		}, "", "clock", tail.FindingNote, "NTP"},
		{"no watch is left", func(w *ward) {
			w.write("app.log", "a\n")
			w.engine.probe = syscall.ENOSPC
		}, "", "events", tail.FindingNote, "max_user_watches"},
		{"no queue is left", func(w *ward) {
			w.write("app.log", "a\n")
			w.engine.off = syscall.EMFILE
		}, "", "events", tail.FindingNote, "max_user_instances"},
		{"events are switched off", func(w *ward) {
			w.write("app.log", "a\n")
			w.engine.off = watch.ErrOff
		}, "", "events", tail.FindingNote, "--no-events"},
		{"limits are near", func(w *ward) {
			w.write("app.log", "a\n")
			w.fakeProc(map[string]string{"sys/fs/inotify/max_user_instances": "1\n", "sys/fs/inotify/max_user_watches": "8192\n",
				"77/fd/none": "", "77/comm": "tailer\n"})
			w.must(os.Symlink("anon_inode:inotify", w.proc+"/77/fd/3"))
		}, "", "inotify-limits", tail.FindingNote, "1 of 1 queues"},
		{"followed, and generations were lost", func(w *ward) {
			w.write("app.log", "a\n")
			w.engine.condition = &Condition{Readers: 2, Held: 3, Deleted: 5 << 20, Lost: 4}
		}, "", "followed", tail.FindingNote, "4 generations were"},
		{"a name that speaks to terminals", func(w *ward) {
			w.write("a\x1b[2J.log", "a\n")
		}, "a\x1b[2J.log", "readable", tail.FindingOK, "a\uFFFD[2J.log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWard(t)
			c.prepare(w)
			r := w.diagnose(or(c.log, "app.log"))
			f, ok := find(r, c.id)
			if !ok || f.Level != c.level || !strings.Contains(f.What+" "+f.Do, c.says) {
				t.Errorf("want %s %s with %q in\n%s", c.level, c.id, c.says, text(r))
			}
			if want := c.level == tail.FindingProblem; r.Stops() != want {
				t.Errorf("a problem: %v, want %v\n%s", r.Stops(), want, text(r))
			}
			for _, f := range r.Findings {
				if f.Level != tail.FindingOK && f.Do == "" {
					t.Errorf("%v does not say what to do", f)
				}
			}
		})
	}
}

// Whoever is not root does not get everywhere. The thread that asks has the rights of nobody.
func TestDiagnose_WithoutRights_SaysWhereItEnds(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up rights")
	}
	for _, c := range []struct {
		name, shut, id string
		mode           os.FileMode
	}{
		{"the file", "nginx/app.log", "unreadable", 0o600},
		{"its folder may not be entered", "nginx", "folder-closed", 0o700},
		{"its folder may not be listed", "nginx", "folder-unreadable", 0o711},
		{"the root may not be entered", "", "folder-closed", 0o700},
		{"a folder above the root", "..", "root-unreachable", 0o700},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := filepath.Join(os.TempDir(), "doctor"+strings.ReplaceAll(t.Name()[len(t.Name())-12:], "/", ""))
			w := newWard(t)
			w.dir = filepath.Join(base, "above", "logs") // Below what everybody may enter.
			t.Cleanup(func() { _ = os.RemoveAll(base) })
			w.write("nginx/app.log", "a\n")
			w.must(os.Chmod(filepath.Join(w.dir, c.shut), c.mode))
			d := w.doctor()
			p, err := d.Guard.Resolve(w.path("nginx/app.log"))
			w.must(err)
			var r tail.Report
			as(65534, func() { r, err = d.Diagnose(t.Context(), p) })
			w.must(err)
			if f, ok := find(r, c.id); !ok || f.Level != tail.FindingProblem {
				t.Errorf("want a problem %s in\n%s", c.id, text(r))
			}
		})
	}
}

// as does something with the rights that another user has to files.
func as(uid int, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // And never unlock: the thread ends with the goroutine.
		_ = unix.Setfsuid(uid)
		_ = unix.Setfsgid(uid)
		do()
	}()
	<-done
}

func TestDiagnose_Writers_AreNamed(t *testing.T) {
	w := newWard(t)
	w.write("app.log", "a\n")
	appends, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_APPEND, 0)
	w.must(err)
	defer appends.Close()
	if f, _ := find(w.diagnose("app.log"), "writer"); f.Level != tail.FindingOK || !strings.Contains(f.What, "has it open for writing") {
		t.Errorf("a writer that appends: %v", f)
	}
	w.must(os.Rename(w.path("app.log"), w.path("app.log.1")))
	w.write("app.log", "")
	if f, ok := find(w.diagnose("app.log"), "writer-on-rotated"); !ok || f.Level != tail.FindingNote || !strings.Contains(f.What, "app.log.1") {
		t.Errorf("a writer that stays behind: %v", f)
	}
	w.must(os.Remove(w.path("app.log.1")))
	// A minute later it has had its time.
	if f, ok := find(w.diagnose("app.log"), "writer-on-rotated"); !ok || !strings.Contains(f.What, "deleted") {
		t.Errorf("a writer on a deleted file: %v", f)
	}
	plain, err := os.OpenFile(w.path("app.log"), os.O_WRONLY, 0)
	w.must(err)
	defer plain.Close()
	if f, _ := find(w.diagnose("app.log"), "writer"); f.Level != tail.FindingNote || !strings.Contains(f.What, "O_APPEND") {
		t.Errorf("a writer that does not append: %v", f)
	}
}

func TestExamine_Roots(t *testing.T) {
	w := newWard(t)
	r, err := w.doctor().Examine(t.Context())
	w.must(err)
	if f, ok := find(r, "root-empty"); !ok || f.Level != tail.FindingNote {
		t.Errorf("an empty root:\n%s", text(r))
	}
	w.write("app.log", "a\n")
	r, err = w.doctor().Examine(t.Context())
	w.must(err)
	if f, ok := find(r, "root"); !ok || f.Level != tail.FindingOK || r.Stops() {
		t.Errorf("a root with a log:\n%s", text(r))
	}
	w.must(os.RemoveAll(w.dir))
	r, err = w.doctor().Examine(t.Context())
	w.must(err)
	if f, ok := find(r, "root-missing"); !ok || f.Level != tail.FindingProblem {
		t.Errorf("a root that is missing:\n%s", text(r))
	}
}

func TestParseMount(t *testing.T) {
	for _, c := range []struct {
		line string
		want mountPoint
		ok   bool
	}{
		{`36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue`, mountPoint{"/mnt 2", "ext3", "/dev/root", "rw,noatime,rw,errors=continue"}, true},
		{`36 35 98:0 / / rw - nfs4 host:/a`, mountPoint{"/", "nfs4", "host:/a", "rw"}, true},
		{`36 35 98:0 / /`, mountPoint{}, false},
		{``, mountPoint{}, false},
	} {
		if got, ok := parseMount(c.line); got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %v", c.line, got, ok)
		}
	}
}

// Whatever stands in a file of settings, it is read to its end.
func FuzzParseLogrotate(f *testing.F) {
	f.Add("/var/log/*.log {\n rotate 4\n postrotate\n x\n endscript\n}\n")
	f.Add("\"/a b\" '/c'\n{ copytruncate }")
	f.Add("{}{}\n}\n{")
	f.Fuzz(func(t *testing.T, s string) {
		global, rules := parseLogrotate(s, func(string) bool { return true })
		for _, r := range append(rules, global) {
			(rule{options: r}).has("copytruncate")
			(rule{options: r}).value("olddir")
		}
	})
}
