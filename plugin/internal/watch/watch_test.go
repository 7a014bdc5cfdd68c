package watch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

func newWatcher(t *testing.T) *Watcher {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Skipf("no events here: %v", err)
	}
	t.Cleanup(w.Close)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func journal(t *testing.T, w *Watcher, folder string, notify func()) *Journal {
	t.Helper()
	dir, err := os.Open(folder)
	must(t, err)
	defer dir.Close()
	j, err := w.Journal(int(dir.Fd()), notify)
	must(t, err)
	t.Cleanup(j.Close)
	return j
}

// What fanotify would have told of these changes leads to other names: it merges equal events that are not neighbours.
func TestJournal_FileThatComesBackToItsName_IsToldOfEachTime(t *testing.T) {
	w := newWatcher(t)
	dir := t.TempDir()
	j := journal(t, w, dir, func() {})
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, os.WriteFile(a, nil, 0o644))
	must(t, os.Rename(a, b))
	must(t, os.Rename(b, a))
	must(t, os.Rename(a, b))
	must(t, os.Link(b, a))
	must(t, os.Remove(b))
	must(t, os.Link(a, b))
	must(t, os.Remove(a))
	var told []string
	names := make(map[string]bool)
	for _, e := range j.Take(-1) {
		switch e.Kind() {
		case Created, MovedTo:
			names[e.Name] = true
		case Deleted, MovedFrom:
			delete(names, e.Name)
		default:
			continue
		}
		told = append(told, fmt.Sprintf("%d %s", e.Kind(), e.Name))
	}
	if !maps.Equal(names, map[string]bool{"b": true}) {
		t.Errorf("by %v, there are %v", told, names)
	}
}

func TestJournal_SeesWhatHappensToNamesInOrder(t *testing.T) {
	w := newWatcher(t)
	dir := t.TempDir()
	woken := make(chan struct{}, 1)
	j := journal(t, w, dir, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	name := func(n string) string { return filepath.Join(dir, n) }
	must(t, os.WriteFile(name("a"), nil, 0o644))
	must(t, os.Rename(name("a"), name("b")))
	must(t, os.WriteFile(name("a"), []byte("x"), 0o644))
	must(t, os.Rename(name("a"), name("b")))
	must(t, os.Remove(name("b")))
	must(t, os.Mkdir(name("d"), 0o755))
	var got []string
	for _, e := range j.Take(-1) { // What has happened before the call is in it, without waiting.
		if e.Kind() == Other {
			continue
		}
		got = append(got, fmt.Sprintf("%d %s %v", e.Kind(), e.Name, e.IsFolder()))
		if moved := e.Kind() == MovedFrom || e.Kind() == MovedTo; moved != (e.Cookie != 0) {
			t.Errorf("%+v", e)
		}
	}
	want := []string{}
	for _, e := range []struct {
		k Kind
		n string
	}{{Created, "a"}, {MovedFrom, "a"}, {MovedTo, "b"}, {Created, "a"}, {MovedFrom, "a"}, {MovedTo, "b"}, {Deleted, "b"}, {Created, "d"}} {
		want = append(want, fmt.Sprintf("%d %s %v", e.k, e.n, e.n == "d"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	select {
	case <-woken:
	case <-time.After(patience):
		t.Error("nobody was notified")
	}
}

func TestJournal_OfAFolderThatGoes_SaysSo(t *testing.T) {
	w := newWatcher(t)
	dir := filepath.Join(t.TempDir(), "d")
	must(t, os.Mkdir(dir, 0o755))
	j := journal(t, w, dir, func() {})
	must(t, os.Remove(dir))
	if e := j.Take(-1); len(e) == 0 || e[0].Kind() != FolderGone {
		t.Errorf("got %+v", e)
	}
}

func TestJournal_TwoOfOneFolder_SeeTheSame(t *testing.T) {
	w := newWatcher(t)
	dir := t.TempDir()
	a, b := journal(t, w, dir, func() {}), journal(t, w, dir, func() {})
	must(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o644))
	if n, m := len(a.Take(-1)), len(b.Take(-1)); n == 0 || n != m {
		t.Errorf("%d and %d events", n, m)
	}
	a.Close()
	must(t, os.WriteFile(filepath.Join(dir, "y"), nil, 0o644))
	if n, m := len(a.Take(-1)), len(b.Take(-1)); n != 0 || m == 0 {
		t.Errorf("after closing one: %d and %d events", n, m)
	}
}

func TestJournal_TooManyEvents_SaysOverflowOnce(t *testing.T) {
	w := newWatcher(t)
	j := journal(t, w, t.TempDir(), func() {})
	for range MaxJournal + 10 {
		j.record(MakeEvent(Created, "x", 0))
	}
	e := j.Take(-1)
	if len(e) != MaxJournal+1 || e[MaxJournal].Kind() != Overflow {
		t.Errorf("%d events, the last %v", len(e), e[len(e)-1].Kind())
	}
	j.record(MakeEvent(Created, "x", 0))
	if e := j.Take(-1); len(e) != 1 || e[0].Kind() != Created {
		t.Errorf("afterwards: %+v", e)
	}
}

func TestMark_SeesWritesToTheOpenFileWhateverItsName(t *testing.T) {
	w := newWatcher(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	noticed := make(chan struct{}, 100)
	m, err := w.Mark(int(f.Fd()), func() {
		select {
		case noticed <- struct{}{}:
		default:
		}
	})
	must(t, err)
	see := func(what string) {
		t.Helper()
		select {
		case <-noticed:
		case <-time.After(patience):
			t.Fatalf("%s was not noticed", what)
		}
	}
	must(t, os.WriteFile(name, []byte("x"), 0o644))
	see("a write")
	must(t, os.Rename(name, name+"2"))
	_, err = f.WriteString("y")
	must(t, err)
	see("a write to the renamed file")
	must(t, os.Link(name+"2", filepath.Join(dir, "link")))
	must(t, os.WriteFile(filepath.Join(dir, "link"), []byte("z"), 0o644))
	see("a write through another name")
	m.Close()
	for len(noticed) > 0 {
		<-noticed
	}
	_, err = f.WriteString("y")
	must(t, err)
	w.data.drain()
	if len(noticed) > 0 {
		t.Error("it notified after Close")
	}
	m.Close()
	(*Mark)(nil).Close()
}

func TestOff_RefusesEverything(t *testing.T) {
	w := Off()
	if w.On() {
		t.Error("it is on")
	}
	if _, err := w.Journal(0, nil); !errors.Is(err, ErrOff) {
		t.Errorf("Journal: %v", err)
	}
	if _, err := w.Mark(0, nil); !errors.Is(err, ErrOff) {
		t.Errorf("Mark: %v", err)
	}
	w.Close()
}

func TestWatcher_UsedFromManyGoroutinesWhileItCloses(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Skipf("no events here: %v", err)
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for range 50 {
				m, err := w.Mark(int(f.Fd()), func() {})
				if err != nil {
					return // It was closed.
				}
				_, _ = f.WriteString("x")
				m.Close()
			}
		})
	}
	w.Close()
	wg.Wait()
	w.Close()
}
