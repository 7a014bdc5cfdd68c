package follow

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/tail"
)

// oldFolder tells an engine of a folder for rotated files.
func oldFolder(t *testing.T, rules ...string) func(*Options) {
	t.Helper()
	r, err := perlog.Parse(rules, func(s string) (string, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.OldFolders = r }
}

// seconds makes lines of a time each, one a second.
func seconds(first time.Time, from, to int) string {
	var b strings.Builder
	for s := from; s < to; s++ {
		b.WriteString(first.Add(time.Duration(s)*time.Second).Format("2006-01-02 15:04:05") + fmt.Sprintf(" | INFO | line %06d\n", s))
	}
	return b.String()
}

// The real logrotate moves what it rotates to another folder, while nobody looks: history, a position, pages and searches by time go on there.
func TestStart_LogrotateOldFolder_HistoryAndResumeAfterARestart(t *testing.T) {
	bin, err := exec.LookPath("logrotate")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/logrotate"); err != nil {
			t.Skip("logrotate is not installed")
		}
	}
	for name, options := range map[string]string{
		"relative":   "create\nolddir old\nrotate 9",
		"absolute":   "create\nolddir %s\nrotate 9",
		"compressed": "create\nolddir old\ncompress\ndelaycompress\nrotate 9",
		"dated":      "create\nolddir old\ndateext\ndateformat -%%s\nrotate 9",
		"copied":     "copytruncate\nolddir old\nrotate 9",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.must(os.Mkdir(w.path("old"), 0o755))
			w.must(os.Chmod(w.dir, 0o755))
			told := "old"
			if name == "absolute" {
				told = w.path("old")
				options = fmt.Sprintf(options, told)
			} else {
				options = strings.ReplaceAll(options, "%%", "%")
			}
			if os.Getuid() == 0 {
				options = "su root root\n" + options
			}
			w.must(os.WriteFile(w.path("conf"), fmt.Appendf(nil, "%s {\n%s\n}\n", w.path("app.log"), options), 0o644))
			first := time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local)
			w.write("app.log", seconds(first, 0, 60))
			w.e.Close()
			w.start(oldFolder(t, w.dir+"/=nowhere", "/elsewhere")) // The first that fits decides.
			end := w.all(tail.StartAtEnd()).at
			at := w.page(tail.ReadRequest{At: end, Backward: true, Lines: 20}).Start
			w.e.Close()
			const rotations = 4
			for i := 1; i <= rotations; i++ {
				for now := time.Now().Unix(); name == "dated" && time.Now().Unix() == now; {
					time.Sleep(10 * time.Millisecond) // A second rotation within the second of its name is skipped.
				}
				if out, err := exec.Command(bin, "-f", "-s", w.path("state"), w.path("conf")).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				w.write("app.log", seconds(first, i*60, i*60+60))
			}
			all := seconds(first, 0, rotations*60+60)
			w.start(oldFolder(t, w.dir+"/*.log="+told))
			for n, want := range map[int64]string{1000: all, 100: seconds(first, 200, 300)} {
				if r := w.all(tail.StartAtLastLines(n)); r.text.String() != want || count[tail.Gap](r) != 0 {
					t.Errorf("the last %d lines: %s, %s", n, brief(r.text.String()), r)
				}
			}
			end = w.all(tail.StartAtEnd()).at
			if text, found := w.pages(end, true, 77); text != all || len(found) != 0 {
				t.Errorf("backward: %s, %+v", brief(text), found)
			}
			if r := w.all(tail.StartAtTime(first.Add(90 * time.Second))); r.text.String() != seconds(first, 90, 300) {
				t.Errorf("by time: %s", brief(r.text.String()))
			}
			for _, backward := range []bool{false, true} {
				s := w.scan(tail.ScanRequest{Backward: backward, Matches: 1000, Since: first.Add(50 * time.Second), Until: first.Add(130 * time.Second)})
				if len(s.texts) != 80 || s.last.Skipped != 0 {
					t.Errorf("scan backward=%v: %d lines, %d left out", backward, len(s.texts), s.last.Skipped)
				}
			}
			if name == "copied" {
				return // The position is in the file that was emptied: what it names is in a copy, which has another number.
			}
			r := w.open(tail.FollowRequest{Start: tail.StartAtPosition(at), Follow: true})
			r.until(seconds(first, 40, 300))
			if n := count[tail.Boundary](r); n != rotations || len(r.events) != n {
				t.Errorf("events are %s", r)
			}
		})
	}
}

// Rotated files in both folders: what was moved on is older, or what was there before the setting; their times tell.
func TestStart_RotatedFilesInBothFolders_AreInTheOrderOfTheirTimes(t *testing.T) {
	for name, files := range map[string][]string{
		"moved on later":      {"old/app.log.4", "old/app.log.3.gz", "app.log.2", "app.log.1"},
		"from before":         {"app.log.2", "app.log.1", "old/app.log.2", "old/app.log.1"},
		"of the same numbers": {"old/app.log.1", "app.log.1.gz"},
		"the old one alone":   {"old/app.log.12", "old/app.log.9", "old/app.log.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oldFolder(t, "old"))
			w.must(os.Mkdir(w.path("old"), 0o755))
			for i, f := range files {
				text := numbered(i*10, i*10+10)
				if strings.HasSuffix(f, ".gz") {
					w.gzip(f, text)
				} else {
					w.write(f, text)
				}
				when := time.Now().Add(time.Duration(i-10) * time.Minute)
				w.must(os.Chtimes(w.path(f), when, when))
			}
			w.write("app.log", numbered(len(files)*10, len(files)*10+10))
			for range 2 { // The second time, they are held.
				if r := w.all(tail.StartAtLastLines(1000)); r.text.String() != numbered(0, len(files)*10+10) || count[tail.Gap](r) != 0 {
					t.Errorf("got %s, %s", brief(r.text.String()), r)
				}
			}
		})
	}
}

// What is moved away while it is followed is not read again when history is looked up.
func TestStart_MovedToTheOldFolderWhileItIsFollowed_ReadsEachGenerationOnce(t *testing.T) {
	for _, noEvents := range []bool{false, true} {
		w := newWorld(t, func(o *Options) { oldFolder(t, "old")(o); o.NoEvents = noEvents; o.Linger = 10 * time.Millisecond })
		w.must(os.Mkdir(w.path("old"), 0o755))
		w.write("old/app.log.9", numbered(0, 10))
		w.write("app.log", numbered(10, 20))
		r := w.follow(tail.StartAtBeginning())
		for i := 2; i < 8; i++ {
			r.until(numbered(0, i*10))
			w.rename("app.log", fmt.Sprintf("old/app.log.%d", 9-i))
			w.write("app.log", numbered(i*10, i*10+10))
			r.until(numbered(0, i*10+10))
			time.Sleep(15 * time.Millisecond) // More than what is not needed is held.
			if all := w.all(tail.StartAtLastLines(1000)); all.text.String() != numbered(0, i*10+10) || count[tail.Gap](all) != 0 {
				t.Errorf("without events: %v: after %d rotations: %s, %s", noEvents, i-1, brief(all.text.String()), all)
			}
		}
		if count[tail.Gap](r) != 0 {
			t.Errorf("the follower heard %s", r)
		}
	}
}

func TestStart_RotatedFileInTheOldFolderCannotBeOpened_IsDeclaredInItsPlace(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, oldFolder(t, "old"))
	w.must(os.Mkdir(w.path("old"), 0o755))
	w.write("old/app.log.2", numbered(0, 10))
	w.write("old/app.log.1", numbered(10, 20))
	w.write("app.log", numbered(20, 30))
	w.closedTo("old/app.log.1")
	r := w.all(tail.StartAtLastLines(1000))
	if got := r.text.String(); got != numbered(0, 10)+numbered(20, 30) {
		t.Errorf("got %s", brief(got))
	}
	r.wantMissing("app.log.1", tenLines)
	r.close()
	w.must(os.Chmod(w.path("old/app.log.1"), 0o644))
	if r := w.all(tail.StartAtLastLines(1000)); r.text.String() != numbered(0, 30) || count[tail.Gap](r) != 0 {
		t.Errorf("got %s, %s", brief(r.text.String()), r)
	}
	w.must(os.Chmod(w.path("old"), 0))
	w.e.Close()
	w.start(oldFolder(t, "old"))
	r = w.all(tail.StartAtLastLines(1000))
	if g := gaps(r, tail.CauseUnreadable); r.text.String() != numbered(20, 30) || len(g) != 1 || g[0].Certain {
		t.Errorf("without the folder: %s, %s", brief(r.text.String()), r)
	}
	w.must(os.Chmod(w.path("old"), 0o755))
}

// Only what the roots allow is looked at, whatever the setting says.
func TestStart_OldFolderOutsideOfTheRoots_IsLeftAlone(t *testing.T) {
	outside := tempDir(t)
	if err := os.WriteFile(filepath.Join(outside, "app.log.1"), []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	w.must(os.Symlink(outside, w.path("out")))
	for _, folder := range []string{outside, "../" + filepath.Base(outside), "out", w.path("out"), "missing", "."} {
		w.e.Close()
		w.start(oldFolder(t, folder))
		if r := w.all(tail.StartAtLastLines(10)); r.text.String() != "one\n" {
			t.Errorf("%s: got %q", folder, r.text.String())
		}
	}
}
