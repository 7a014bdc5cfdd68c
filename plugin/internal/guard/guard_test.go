package guard

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// tree is a prepared tree: logs is the root, secret lies beside it.
type tree struct{ base, logs, secret string }

// canary is what no test may ever read.
const canary = "the canary"

func newTree(t *testing.T) tree {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{base: base, logs: base + "/logs", secret: base + "/logs-secret/s.log"}
	tr.write(t, "logs/app.log", "app")
	tr.write(t, "logs/sub/deep.log", "deep")
	tr.write(t, "logs/%2e%2e/literal.log", "literal")
	tr.write(t, "logs/ space\n.log", "odd")
	tr.write(t, "logs/.hidden", "hidden")
	tr.write(t, "logs-secret/s.log", canary)
	return tr
}

func (tr tree) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(tr.base, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (tr tree) link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(tr.base, name)); err != nil {
		t.Fatal(err)
	}
}

func newGuard(t *testing.T, opts Options, roots ...string) *Guard {
	t.Helper()
	g, err := New(roots, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// read asks for log the way a tailer does.
func read(g *Guard, log string) (string, error) {
	p, err := g.Resolve(log)
	if err != nil {
		return "", err
	}
	f, err := g.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	return string(b), err
}

func TestOpen_HostileNames(t *testing.T) {
	tr := newTree(t)
	tr.link(t, tr.secret, "logs/out-absolute.log")
	tr.link(t, "../logs-secret/s.log", "logs/out-relative.log")
	tr.link(t, "../logs-secret/none.log", "logs/out-missing.log")
	tr.link(t, "../logs-secret", "logs/out-folder")
	tr.link(t, "/proc/self/environ", "logs/environ")
	tr.link(t, tr.logs+"/app.log", "logs/in-absolute.log")
	tr.link(t, "app.log", "logs/in-relative.log")
	tr.link(t, tr.logs+"/sub", "logs/in-folder")
	tr.link(t, "in-absolute.log", "logs/chain.log")
	tr.link(t, tr.logs+"/../logs/app.log", "logs/dots.log")
	tr.link(t, "loop-b", "logs/loop-a")
	tr.link(t, "loop-a", "logs/loop-b")
	tr.link(t, "none.log", "logs/dangling.log")
	tr.link(t, "/proc/self/root"+tr.secret, "logs/magic.log")
	if err := syscall.Mkfifo(tr.logs+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", tr.logs+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	g := newGuard(t, Options{}, tr.logs)
	deep := strings.Repeat("/a", 300)
	for _, tt := range []struct {
		name, log string
		want      string
		err       error
	}{
		{"plain", tr.logs + "/app.log", "app", nil},
		{"in a folder", tr.logs + "/sub/deep.log", "deep", nil},
		{"double slash", tr.base + "//logs//app.log", "app", nil},
		{"dot", tr.logs + "/./app.log", "app", nil},
		{"odd characters", tr.logs + "/ space\n.log", "odd", nil},
		{"hidden, by its name", tr.logs + "/.hidden", "hidden", nil},
		{"percent is literal", tr.logs + "/%2e%2e/literal.log", "literal", nil},
		{"percent does not climb", tr.logs + "/%2e%2e/logs-secret/s.log", "", tail.ErrNotFound},
		{"twice encoded", tr.logs + "/%252e%252e/logs-secret/s.log", "", tail.ErrNotFound},
		{"backslash", tr.logs + `/..\logs-secret\s.log`, "", tail.ErrNotFound},
		{"overlong UTF-8 dots", tr.logs + "/\xc0\xae\xc0\xae/logs-secret/s.log", "", tail.ErrNotFound},
		{"absolute link inside", tr.logs + "/in-absolute.log", "app", nil},
		{"relative link inside", tr.logs + "/in-relative.log", "app", nil},
		{"absolute link to a folder inside", tr.logs + "/in-folder/deep.log", "deep", nil},
		{"chain of links", tr.logs + "/chain.log", "app", nil},
		{"link with dots that stays inside", tr.logs + "/dots.log", "app", nil},
		{"missing", tr.logs + "/none.log", "", tail.ErrNotFound},
		{"below a file", tr.logs + "/app.log/x", "", tail.ErrNotFound},
		{"dangling link", tr.logs + "/dangling.log", "", tail.ErrNotFound},
		{"climbing", tr.logs + "/../logs-secret/s.log", "", tail.ErrNotAllowed},
		{"climbing and back", tr.logs + "/sub/../app.log", "", tail.ErrNotAllowed},
		{"only dots", "/..", "", tail.ErrNotAllowed},
		{"sibling with the same prefix", tr.secret, "", tail.ErrNotAllowed},
		{"parent of the root", tr.base, "", tail.ErrNotAllowed},
		{"top", "/", "", tail.ErrNotAllowed},
		{"elsewhere", "/etc/passwd", "", tail.ErrNotAllowed},
		{"absolute link out", tr.logs + "/out-absolute.log", "", tail.ErrNotAllowed},
		{"relative link out", tr.logs + "/out-relative.log", "", tail.ErrNotAllowed},
		{"link out to nothing", tr.logs + "/out-missing.log", "", tail.ErrNotAllowed},
		{"below a link out", tr.logs + "/out-folder/s.log", "", tail.ErrNotAllowed},
		{"link to the environment", tr.logs + "/environ", "", tail.ErrNotAllowed},
		{"link through /proc", tr.logs + "/magic.log", "", tail.ErrNotAllowed},
		{"loop of links", tr.logs + "/loop-a", "", tail.ErrUnreadable},
		{"the root itself", tr.logs, "", tail.ErrNotRegular},
		{"directory", tr.logs + "/sub", "", tail.ErrNotRegular},
		{"directory with a slash", tr.logs + "/sub/", "", tail.ErrNotRegular},
		{"FIFO", tr.logs + "/fifo", "", tail.ErrNotRegular},
		{"below a FIFO", tr.logs + "/fifo/x", "", tail.ErrNotFound},
		{"socket", tr.logs + "/socket", "", tail.ErrNotRegular},
		{"empty", "", "", tail.ErrBadRequest},
		{"relative", "logs/app.log", "", tail.ErrBadRequest},
		{"NUL", tr.logs + "/app.log\x00.png", "", tail.ErrBadRequest},
		{"long", tr.logs + strings.Repeat("/aaaaaaa", 1000), "", tail.ErrBadRequest},
		{"long part", tr.logs + "/" + strings.Repeat("a", 256), "", tail.ErrBadRequest},
		{"300 parts", tr.logs + deep, "", tail.ErrBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(g, tt.log)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("read %.80q = %q, %v; want %q, %v", tt.log, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestOpen_DeviceIsNotRegular(t *testing.T) {
	g := newGuard(t, Options{}, "/dev")
	if _, err := read(g, "/dev/null"); !errors.Is(err, tail.ErrNotRegular) {
		t.Errorf("read = %v, want %v", err, tail.ErrNotRegular)
	}
}

func TestOpen_ForbiddenLooksTheSameWhetherOrNotItExists(t *testing.T) {
	tr := newTree(t)
	missing := filepath.Dir(tr.secret) + "/n.log" // As long as the other.
	tr.link(t, tr.secret, "logs/a.log")
	tr.link(t, missing, "logs/b.log")
	g := newGuard(t, Options{}, tr.logs)
	for _, pair := range [][2]string{
		{tr.secret, missing},
		{tr.logs + "/a.log", tr.logs + "/b.log"},
	} {
		_, there := read(g, pair[0])
		_, gone := read(g, pair[1])
		if there == nil || gone == nil {
			t.Fatalf("%s: %v, %s: %v", pair[0], there, pair[1], gone)
		}
		if got, want := strings.ReplaceAll(gone.Error(), pair[1], pair[0]), there.Error(); got != want {
			t.Errorf("missing says %q, existing says %q", got, want)
		}
	}
}

// A hard link cannot be told from the file itself. This holds the documented limit in place.
func TestOpen_HardLinkIsTheFileItself(t *testing.T) {
	tr := newTree(t)
	if err := os.Link(tr.secret, tr.logs+"/hard.log"); err != nil {
		t.Skip(err)
	}
	if got, err := read(newGuard(t, Options{}, tr.logs), tr.logs+"/hard.log"); err != nil || got != canary {
		t.Errorf("read = %q, %v", got, err)
	}
}

func TestOpen_SeveralRoots(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "data/pod/0.log", "pod")
	tr.link(t, tr.base+"/data/pod/0.log", "logs/pod.log")
	tr.link(t, "../data/pod", "logs/pod")
	tr.link(t, tr.logs, "alias")
	t.Run("a link from one to the other is followed", func(t *testing.T) {
		g := newGuard(t, Options{}, tr.logs, tr.base+"/data")
		for _, log := range []string{"/pod.log", "/pod/0.log"} {
			if got, err := read(g, tr.logs+log); err != nil || got != "pod" {
				t.Errorf("%s: %q, %v", log, got, err)
			}
		}
		p, _ := g.Resolve(tr.logs + "/pod.log")
		if at, err := g.Find(p); err != nil || !at.Linked || at.Path.String() != tr.base+"/data/pod/0.log" {
			t.Errorf("Find = %v, %v", at, err)
		}
	})
	t.Run("without the other it is not", func(t *testing.T) {
		g := newGuard(t, Options{}, tr.logs)
		if _, err := read(g, tr.logs+"/pod.log"); !errors.Is(err, tail.ErrNotAllowed) {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("a root that is a link", func(t *testing.T) {
		tr.link(t, tr.logs+"/app.log", "logs/real-name.log") // The name that the kernel knows, which is not the root's.
		g := newGuard(t, Options{}, tr.base+"/alias")
		for _, log := range []string{"/app.log", "/real-name.log"} {
			if got, err := read(g, tr.base+"/alias"+log); err != nil || got != "app" {
				t.Errorf("%s: %q, %v", log, got, err)
			}
		}
		if _, err := read(g, tr.logs+"/app.log"); !errors.Is(err, tail.ErrNotAllowed) {
			t.Errorf("by its other name: %v", err)
		}
	})
	t.Run("/ allows all and says so", func(t *testing.T) {
		g := newGuard(t, Options{}, "/")
		if got, err := read(g, tr.logs+"/app.log"); err != nil || got != "app" {
			t.Errorf("read = %q, %v", got, err)
		}
		if len(g.Warnings()) != 1 {
			t.Errorf("warnings %q", g.Warnings())
		}
	})
}

// numbered takes NAME.1, NAME.2 and so on for siblings.
func numbered(base, name string) bool {
	rest, ok := strings.CutPrefix(name, base+".")
	return ok && strings.Trim(rest, "0123456789") == ""
}

func TestOpen_RootFileAllowsItAndItsSiblingsAlone(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "logs/app.log.1", "older")
	tr.write(t, "logs/other.log", canary)
	tr.write(t, "logs/app.log.2/x", canary)
	tr.link(t, "other.log", "logs/app.log.3")
	tr.link(t, "app.log.1", "logs/app.log.4")
	g := newGuard(t, Options{Sibling: numbered}, tr.logs+"/app.log")
	for _, tt := range []struct {
		log, want string
		err       error
	}{
		{"/app.log", "app", nil},
		{"/app.log.1", "older", nil},
		{"/app.log.2", "", tail.ErrNotRegular},
		{"/app.log.3", "", tail.ErrNotAllowed},
		{"/app.log.4", "older", nil},
		{"/app.log.5", "", tail.ErrNotFound},
		{"/app.log.x", "", tail.ErrNotAllowed},
		{"/other.log", "", tail.ErrNotAllowed},
		{"", "", tail.ErrNotAllowed},
	} {
		got, err := read(g, tr.logs+tt.log)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: %q, %v; want %q, %v", tt.log, got, err, tt.want, tt.err)
		}
	}
	p, err := g.Resolve(tr.logs + "/app.log")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := g.ReadDir(g.Folder(p), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	if want := []string{"app.log", "app.log.1", "app.log.2", "app.log.3", "app.log.4"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
}

func TestOpen_RootFileInTheMiddleOfARotation_SiblingsStayAllowed(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "logs/app.log.1", "older")
	g := newGuard(t, Options{Sibling: numbered}, tr.logs+"/app.log")
	if err := os.Remove(tr.logs + "/app.log"); err != nil {
		t.Fatal(err)
	}
	if _, err := read(g, tr.logs+"/app.log"); !errors.Is(err, tail.ErrNotFound) {
		t.Errorf("live file: %v", err)
	}
	if got, err := read(g, tr.logs+"/app.log.1"); err != nil || got != "older" {
		t.Errorf("sibling: %q, %v", got, err)
	}
}

func TestOpen_RootFileThatIsALink(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "data/app-1.log", "one")
	tr.write(t, "data/app-2.log", "two")
	tr.link(t, "../data/app-1.log", "logs/current")
	g := newGuard(t, Options{}, tr.logs+"/current")
	for _, tt := range []struct {
		name, target, want string
		err                error
	}{
		{"as it was", "../data/app-1.log", "one", nil},
		{"switched to another file there", tr.base + "/data/app-2.log", "two", nil},
		{"switched to a file beside it", "app.log", "app", nil},
		{"switched to anywhere else", tr.secret, "", tail.ErrNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(tr.logs + "/current")
			tr.link(t, tt.target, "logs/current")
			if got, err := read(g, tr.logs+"/current"); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("read = %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestOpen_RootFile_SiblingsAreThoseOfTheKnownRotators(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "logs/app-2026-11-23T07-08-09.012.log", "older")
	tr.write(t, "logs/app.conf", canary)
	g := newGuard(t, Options{}, tr.logs+"/app.log")
	if got, err := read(g, tr.logs+"/app-2026-11-23T07-08-09.012.log"); err != nil || got != "older" {
		t.Errorf("sibling: %q, %v", got, err)
	}
	if _, err := read(g, tr.logs+"/app.conf"); !errors.Is(err, tail.ErrNotAllowed) {
		t.Errorf("another file: %v", err)
	}
}

// A thread swaps the file for a link to a neighbour that is not allowed, a link out of everything, a FIFO and back, as fast as it can.
func TestOpen_SwappedAllTheTime_NeverReadsTheCanaryNorBlocks(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "logs/other.log", canary)
	path, next := tr.logs+"/app.log.1", tr.logs+"/next"
	g := newGuard(t, Options{Sibling: numbered}, tr.logs+"/app.log")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			_ = os.Remove(next)
			switch i % 6 {
			case 1:
				_ = os.Symlink(tr.secret, next)
			case 3:
				_ = os.Symlink("other.log", next)
			case 5:
				_ = syscall.Mkfifo(next, 0o644)
			default:
				_ = os.WriteFile(next, []byte("app"), 0o644)
			}
			_ = os.Rename(next, path)
		}
	}()
	defer func() { cancel(); <-done }()
	regular := 0
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end) || regular == 0; {
		got, err := read(g, path)
		if got == canary {
			t.Fatal("the canary was read")
		}
		if err == nil {
			regular++
		}
	}
}

func TestOpen_RootThatIsAFIFO_NeverBlocks(t *testing.T) {
	fifo := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	g := newGuard(t, Options{}, fifo)
	for log, want := range map[string]error{fifo: tail.ErrNotRegular, fifo + "/x": tail.ErrNotFound} {
		done := make(chan error, 1)
		go func() {
			_, err := read(g, log)
			done <- err
		}()
		select {
		case err := <-done:
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", log, err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it blocks", log)
		}
	}
	if w := g.Warnings(); len(w) != 1 {
		t.Errorf("warnings %q", w)
	}
}

func TestNew_Roots(t *testing.T) {
	tr := newTree(t)
	t.Chdir(tr.base)
	g := newGuard(t, Options{}, "logs", "./logs/", "later")
	if got, want := g.Roots(), []string{tr.base + "/later", tr.logs}; !slices.Equal(got, want) {
		t.Errorf("Roots = %q, want %q", got, want)
	}
	if w := g.Warnings(); len(w) != 1 || !strings.Contains(w[0], "/later does not exist yet") {
		t.Errorf("Warnings = %q", w)
	}
	if _, err := read(g, tr.base+"/later/x.log"); !errors.Is(err, tail.ErrNotFound) {
		t.Errorf("before it exists: %v", err)
	}
	tr.write(t, "later/x.log", "x")
	if got, err := read(g, tr.base+"/later/x.log"); err != nil || got != "x" {
		t.Errorf("after it exists: %q, %v", got, err)
	}
	for _, roots := range [][]string{nil, {""}, {"a\x00b"}} {
		if _, err := New(roots, Options{}); err == nil {
			t.Errorf("New(%q) is no error", roots)
		}
	}
}

func TestWalk_SortedBoundedWithoutHidden(t *testing.T) {
	tr := newTree(t)
	tr.write(t, "logs/sub.log", "x")
	tr.write(t, "logs/.git/config", "x")
	tr.write(t, "logs/.wanted/w.log", "x")
	tr.link(t, "app.log", "logs/link.log")
	tr.link(t, tr.secret, "logs/out.log")
	tr.link(t, "sub", "logs/folder-link")
	if err := syscall.Mkfifo(tr.logs+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	list := func(g *Guard, prefix string) (out []string, err error) {
		for e, err := range g.Walk(t.Context(), prefix) {
			if err != nil {
				return out, err
			}
			out = append(out, strings.TrimPrefix(e.Path.String(), tr.logs))
		}
		return out, nil
	}
	g := newGuard(t, Options{}, tr.logs, tr.logs+"/.wanted", tr.logs+"/sub")
	got, err := list(g, "")
	want := []string{"/ space\n.log", "/%2e%2e/literal.log", "/.wanted/w.log", "/app.log", "/link.log", "/sub.log", "/sub/deep.log"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Walk = %q, %v; want %q", got, err, want)
	}
	if !slices.IsSorted(got) {
		t.Error("not in byte order")
	}
	if got, err := list(g, tr.logs+"/sub"); err != nil || !slices.Equal(got, []string{"/sub/deep.log"}) {
		t.Errorf("Walk below sub = %q, %v", got, err)
	}
	if _, err := list(g, tr.secret); !errors.Is(err, tail.ErrNotAllowed) {
		t.Errorf("Walk outside: %v", err)
	}
	if _, err := list(newGuard(t, Options{MaxEntries: 3}, tr.logs), ""); !errors.Is(err, tail.ErrTooMany) {
		t.Errorf("Walk over the limit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range g.Walk(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestFolderAndJoin(t *testing.T) {
	tr := newTree(t)
	g := newGuard(t, Options{Sibling: numbered}, tr.logs)
	root, _ := g.Resolve(tr.logs)
	if got := g.Folder(root); got != root {
		t.Errorf("Folder of the root = %v", got)
	}
	p, err := g.Join(root, "app.log")
	if err != nil || p.Name() != "app.log" || g.Folder(p) != root {
		t.Errorf("Join = %v, %v, in %v", p, err, g.Folder(p))
	}
	for _, name := range []string{"", ".", "..", "a/b", "../logs-secret/s.log", "a\x00"} {
		if p, err := g.Join(root, name); err == nil {
			t.Errorf("Join(%q) = %v", name, p)
		}
	}
}

func TestLstat_SeesTheLinkItself(t *testing.T) {
	tr := newTree(t)
	tr.link(t, tr.logs+"/app.log", "logs/link.log")
	g := newGuard(t, Options{}, tr.logs)
	p, _ := g.Resolve(tr.logs + "/link.log")
	if st, err := g.Lstat(p); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("Lstat = %v, %v", st, err)
	}
	if st, err := g.Stat(p); err != nil || !st.Mode().IsRegular() {
		t.Errorf("Stat = %v, %v", st, err)
	}
}

// Whatever is asked for, what can be read is what lies below the root.
func FuzzGuard(f *testing.F) {
	base := f.TempDir()
	logs := base + "/logs"
	for name, content := range map[string]string{
		"logs/a": "inside", "logs/b/c": "inside", "secret": canary, "logs-secret/s": canary,
	} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(base, name)), 0o755)
		if err := os.WriteFile(filepath.Join(base, name), []byte(content), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"logs/out": "../secret", "logs/up": "..", "logs/abs": base + "/secret", "logs/in": logs + "/b", "logs/self": logs,
	} {
		if err := os.Symlink(target, filepath.Join(base, link)); err != nil {
			f.Fatal(err)
		}
	}
	g, err := New([]string{logs}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"/a", "/b/c", "/in/c", "/self/self/a", "/../secret", "/up/secret", "/out", "/abs", "/%2e%2e/secret", "-secret/s", "/./a", "//a", "/a\x00",
		"/up/logs/a", "/in/../../secret", "\xc0\xae", strings.Repeat("/a", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, log := range []string{s, logs + s, logs + "/" + s} {
			got, err := read(g, log)
			if err == nil && got != "inside" {
				t.Fatalf("%q gave %q", log, got)
			}
			sentinels := []error{tail.ErrNotAllowed, tail.ErrNotFound, tail.ErrNotRegular, tail.ErrUnreadable, tail.ErrBadRequest}
			if err != nil && !slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) }) {
				t.Fatalf("%q: %v is none of the contract's errors", log, err)
			}
		}
	})
}

// Where rotated files are moved is a folder like any other: it has to lie in a root.
func TestOldFolder_LiesInARoot(t *testing.T) {
	tr := newTree(t)
	g, err := New([]string{tr.logs}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := g.Resolve(tr.logs + "/sub/deep.log")
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		"": "", ".": "", tr.logs + "/sub/": "", "old": tr.logs + "/sub/old", "../old/": tr.logs + "/old", "..": tr.logs, tr.logs + "/x": tr.logs + "/x",
		"../..": "-", "../../logs-secret": "-", tr.base: "-", "/": "-", tr.logs + "-secret": "-",
	} {
		p, err := g.OldFolder(log, folder)
		if want == "-" {
			if !errors.Is(err, tail.ErrNotAllowed) || !p.IsZero() {
				t.Errorf("%q: got %v, %v", folder, p, err)
			}
		} else if err != nil || p.String() != want {
			t.Errorf("%q: got %v, %v, want %q", folder, p, err, want)
		}
	}
}
