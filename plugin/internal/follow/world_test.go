package follow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun")) // It never ends.
}

// patience is how long a test waits for what has to happen. The environment can make it shorter where it is to fail.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("LIVETAIL_TEST_PATIENCE")); err == nil {
		return d
	}
	return 20 * time.Second
}()

// world is a folder with logs and an engine that follows them.
type world struct {
	t   *testing.T
	dir string
	e   *Engine
	g   *guard.Guard
}

// newWorld makes a world. change adapts the engine's options.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, dir: tempDir(t)}
	w.start(change)
	t.Cleanup(func() { w.e.Close() })
	return w
}

// tempDir is like the one of testing, but allows for a compressor that is still at work when the test ends.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "follow")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); os.RemoveAll(dir) != nil && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	})
	return dir
}

func (w *world) start(change func(*Options)) {
	w.t.Helper()
	g, err := guard.New([]string{w.dir}, guard.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	o := Options{Guard: g, Poll: 10 * time.Millisecond, Quiet: 50 * time.Millisecond, Rest: 200 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	w.g = g
	if w.e, err = New(o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	f, err := os.OpenFile(w.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	w.must(err)
	_, err = f.WriteString(text)
	w.must(err)
	w.must(f.Close())
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	w.must(os.Rename(w.path(from), w.path(to)))
}

func (w *world) remove(name string) {
	w.t.Helper()
	w.must(os.Remove(w.path(name)))
}

// view of a reader for tests.
type reading struct {
	w      *world
	r      *Reader
	text   strings.Builder
	events []tail.Event // all but Lines and CaughtUp
	at     tail.Position
	caught int
}

func (w *world) open(req tail.FollowRequest) *reading {
	w.t.Helper()
	if req.Log == "" {
		req.Log = w.path("app.log")
	}
	p, err := w.g.Resolve(req.Log)
	w.must(err)
	r, err := w.e.Open(w.t.Context(), p, req)
	w.must(err)
	rd := &reading{w: w, r: r}
	w.t.Cleanup(rd.close)
	return rd
}

func (rd *reading) close() {
	if rd.r != nil {
		rd.r.Close()
		rd.r = nil
	}
}

// follow opens app.log at start.
func (w *world) follow(start tail.Start) *reading {
	w.t.Helper()
	return w.open(tail.FollowRequest{Start: start, Follow: true, Wait: true})
}

// next takes one event. It reports false if none came in time.
func (rd *reading) next(d time.Duration) (tail.Event, bool) {
	rd.w.t.Helper()
	ctx, cancel := context.WithTimeout(rd.w.t.Context(), d)
	defer cancel()
	ev, err := rd.r.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errEnd) {
		return nil, false
	}
	rd.w.must(err)
	rd.note(ev)
	return ev, true
}

func (rd *reading) note(ev tail.Event) {
	switch ev := ev.(type) {
	case tail.Lines:
		skipped := rd.r.pick != nil && rd.at.Generation == ev.Start.Generation && rd.at.Offset <= ev.Start.Offset
		if !rd.at.IsZero() && !rd.at.Same(ev.Start) && !skipped {
			rd.w.t.Fatalf("lines begin at %v, but what came before ended at %v", ev.Start, rd.at)
		}
		rd.at = ev.End
		rd.text.Write(ev.Text)
	case tail.CaughtUp:
		rd.caught++
		rd.at = ev.At
	case tail.Late:
		rd.events = append(rd.events, tail.Late{Lines: tail.Lines{Start: ev.Start, End: ev.End, Text: append([]byte(nil), ev.Text...)}})
	case tail.Boundary:
		rd.at = ev.To
		rd.events = append(rd.events, ev)
	case tail.Truncated:
		rd.at = ev.To
		rd.events = append(rd.events, ev)
	case tail.Gap:
		if !ev.Before.IsZero() {
			rd.at = ev.Before
		}
		rd.events = append(rd.events, ev)
	}
}

// until reads until the text that has been read is want, and then checks that it stays so.
func (rd *reading) until(want string) {
	rd.w.t.Helper()
	deadline := time.Now().Add(patience)
	for rd.text.String() != want {
		if !strings.HasPrefix(want, rd.text.String()) {
			rd.w.t.Fatalf("read %s\nwant %s\nevents: %s", brief(rd.text.String()), brief(want), rd)
		}
		if _, ok := rd.next(time.Until(deadline)); !ok {
			rd.w.t.Fatalf("read only %s\nwant %s\nevents: %s", brief(rd.text.String()), brief(want), rd)
		}
	}
}

// caughtUp reads until the reader says that it is at the end.
func (rd *reading) caughtUp() {
	rd.w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ev, ok := rd.next(time.Until(deadline))
		if !ok {
			rd.w.t.Fatalf("not caught up; read %s\nevents: %s", brief(rd.text.String()), rd)
		}
		if _, ok := ev.(tail.CaughtUp); ok {
			return
		}
	}
}

func (rd *reading) String() string {
	var b strings.Builder
	for _, e := range rd.events {
		fmt.Fprintf(&b, "%T ", e)
		if g, ok := e.(tail.Gap); ok {
			fmt.Fprintf(&b, "(%s certain=%v %q) ", g.Cause, g.Certain, g.Evidence)
		}
	}
	return b.String()
}

func brief(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%q … %q (%d bytes)", s[:200], s[len(s)-200:], len(s))
	}
	return fmt.Sprintf("%q", s)
}

func count[E tail.Event](rd *reading) (n int) {
	for _, e := range rd.events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %06d\n", i)
	}
	return b.String()
}

// tiers runs a test with events of the system and without.
func tiers(t *testing.T, f func(t *testing.T, w *world)) {
	t.Run("events", func(t *testing.T) { f(t, newWorld(t, nil)) })
	t.Run("polling", func(t *testing.T) { f(t, newWorld(t, func(o *Options) { o.NoEvents = true })) })
}
