package follow

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// namespaceKey says to a test that it runs in namespaces of its own.
const namespaceKey = "LIVETAIL_TEST_NAMESPACE"

// inNamespace runs the test once more as a process in user and mount namespaces of its own, where it is the user uid, and reports whether this is that
// process. There, limits can be set, and as root (0) file systems mounted, without anybody else being touched. It skips the test where that is
// not possible.
func inNamespace(t *testing.T, uid int) bool {
	t.Helper()
	if os.Getenv(namespaceKey) != "" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^"+strings.Split(t.Name(), "/")[0]+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespaceKey+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil:
		t.Skipf("no namespaces here: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS"):
		t.Errorf("it did not run: %s", out)
	}
	return false
}

// setLimit sets a limit of the user namespace.
func setLimit(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/user/"+name, []byte(value), 0); err != nil {
		t.Skipf("the limit %s cannot be set here: %v", name, err)
	}
}

// chain rotates five times while the reader rests, and looks in between, and reads all of it.
func (w *world) chain() {
	w.t.Helper()
	w.write("app.log", "0\n")
	r := w.follow(tail.StartAtBeginning())
	want := "0\n"
	for i := range 5 {
		w.rename("app.log", "app.log."+string(rune('9'-i)))
		w.write("app.log", string(rune('1'+i))+"\n")
		want += string(rune('1'+i)) + "\n"
		r.ask()
	}
	r.until(want)
	w.write("app.log", "end\n")
	r.until(want + "end\n")
	r.caughtUp()
	if n := count[tail.Boundary](r); n != 5 || len(r.events) != n {
		w.t.Errorf("events are %s, want 5 boundaries", r)
	}
}

func TestFollow_NoWatchIsLeft_FindsEverythingByLooking(t *testing.T) {
	if !inNamespace(t, 0) {
		return
	}
	t.Run("none at all", func(t *testing.T) {
		setLimit(t, "max_inotify_watches", "0")
		w := newWorld(t, nil)
		if w.e.EventsError() != nil {
			t.Fatalf("the queue should be there: %v", w.e.EventsError())
		}
		w.chain()
	})
	t.Run("they end in the middle", func(t *testing.T) {
		setLimit(t, "max_inotify_watches", "3")
		newWorld(t, nil).chain()
	})
}

func TestFollow_NoQueueIsLeft_FindsEverythingByLooking(t *testing.T) {
	if !inNamespace(t, 0) {
		return
	}
	setLimit(t, "max_inotify_instances", "0")
	w := newWorld(t, nil)
	if w.e.EventsError() == nil {
		t.Fatal("there is a queue")
	}
	w.chain()
}

func TestFollow_OnTmpfsAndOverlay_DeliversAll(t *testing.T) {
	if !inNamespace(t, 0) {
		return
	}
	base := t.TempDir()
	mount(t, "tmpfs", base, "tmpfs", "")
	t.Run("tmpfs", func(t *testing.T) { worldIn(t, base+"/t", nil).chain() })
	t.Run("overlay", func(t *testing.T) {
		worldIn(t, overlay(t, base, nil), nil).chain()
	})
	t.Run("overlay, by polling", func(t *testing.T) {
		worldIn(t, overlay(t, base, nil), func(o *Options) { o.NoEvents = true }).chain()
	})
	// The file comes from the image; the first write copies it up to another file system.
	t.Run("copied up", func(t *testing.T) {
		w := worldIn(t, overlay(t, base, map[string]string{"app.log": "from the image\n"}), nil)
		r := w.follow(tail.StartAtBeginning())
		r.until("from the image\n")
		w.write("app.log", "appended\n")
		r.until("from the image\nappended\n")
		w.rename("app.log", "app.log.1")
		w.write("app.log", "next\n")
		r.until("from the image\nappended\nnext\n")
		r.caughtUp()
		if len(gaps(r, tail.CauseDeleted))+count[tail.Truncated](r) > 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// overlay mounts one below base, with files in its lower folder, and returns where.
func overlay(t *testing.T, base string, lower map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp(base, "overlay")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(dir+"/"+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range lower {
		if err := os.WriteFile(dir+"/lower/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "overlay", dir+"/merged", "overlay", "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work")
	return dir + "/merged"
}

func mount(t *testing.T, source, at, kind, options string) {
	t.Helper()
	if err := unix.Mount(source, at, kind, 0, options); err != nil {
		t.Skipf("%s cannot be mounted here: %v", kind, err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
}

// worldIn is newWorld in a folder of the caller's.
func worldIn(t *testing.T, dir string, change func(*Options)) *world {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir}
	w.start(change)
	t.Cleanup(func() { w.e.Close() })
	return w
}

// Whoever runs the tests may be root, who may read everything; in the namespace he is somebody else.
func TestFollow_PermissionIsMissingForATime_WaitsAndDoublesNothing(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.until("one\n")
		w.rename("app.log", "app.log.1")
		w.write("new", "two\n")
		w.must(os.Chmod(w.path("new"), 0))
		if f, err := os.Open(w.path("new")); err == nil {
			_ = f.Close()
			t.Skip("a file without rights can be read here")
		}
		w.rename("new", "app.log")
		for range 5 {
			r.ask()
		}
		if ev, ok := r.next(w.e.opts.Poll); ok {
			t.Logf("while it cannot be read: %+v", ev)
		}
		w.must(os.Chmod(w.path("app.log"), 0o644))
		r.until("one\ntwo\n")
		w.write("app.log", "three\n")
		r.until("one\ntwo\nthree\n")
		if count[tail.Gap](r) > 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// What cannot be opened, and may have come in between, is not passed over in silence.
func TestFollow_RotatedFileCannotBeOpened_DeclaresAPossibleGap(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.until("one\n")
	r.unseen(func() {
		w.rename("app.log", "app.log.2")
		w.write("app.log.1", "between\n")
		w.must(os.Chmod(w.path("app.log.1"), 0))
		w.write("app.log", "two\n")
	})
	if f, err := os.Open(w.path("app.log.1")); err == nil {
		_ = f.Close()
		t.Skip("a file without rights can be read here")
	}
	r.until("one\ntwo\n")
	r.wantPossibleGaps("could not be opened")
}

// A path that cannot be looked at for a time has not gone: what is told meanwhile is not forgotten.
func TestFollow_PathCannotBeReachedForATime_StaysAndObservesTheRotation(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, nil)
	w.must(mkdirAll(w.path("above/logs")))
	w.write("above/logs/app.log", "one\n")
	r := w.open(tail.FollowRequest{Log: w.path("above/logs/app.log"), Start: tail.StartAtBeginning(), Follow: true})
	r.until("one\n")
	logs, err := os.OpenRoot(w.path("above/logs"))
	w.must(err)
	defer logs.Close()
	w.must(os.Chmod(w.path("above"), 0))
	if _, err := os.Stat(w.path("above/logs")); err == nil {
		t.Skip("a folder without rights can be entered here")
	}
	w.must(logs.Rename("app.log", "app.log.1"))
	w.must(logs.WriteFile("app.log", []byte("two\n"), 0o644))
	r.ask()
	w.must(os.Chmod(w.path("above"), 0o755))
	r.until("one\ntwo\n")
	if len(r.events) != 1 {
		t.Fatalf("events are %s, want one boundary", r)
	}
	if b, ok := r.events[0].(tail.Boundary); !ok || w.e.Events() && b.Order != tail.OrderObserved {
		t.Errorf("boundary is %+v", r.events[0])
	}
}

// A folder above the log that may not be entered is something else than a log that does not exist.
func TestStart_FolderAboveMayNotBeEntered_IsUnreadable(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, nil)
	w.must(os.MkdirAll(w.path("closed/below"), 0o755))
	w.write("closed/below/app.log", "one\n")
	w.must(os.Chmod(w.path("closed"), 0))
	t.Cleanup(func() { _ = os.Chmod(w.path("closed"), 0o755) })
	p, err := w.e.guard.Resolve(w.path("closed/below/app.log"))
	w.must(err)
	if _, err := w.e.Open(t.Context(), p, tail.FollowRequest{}); !errors.Is(err, tail.ErrUnreadable) {
		t.Errorf("got %v, want %v", err, tail.ErrUnreadable)
	}
}
