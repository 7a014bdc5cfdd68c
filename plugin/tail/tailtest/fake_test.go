package tailtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// follow returns what a Follow without following yields, in words.
func follow(t *testing.T, f *Fake, log string, start tail.Start) ([]string, error) {
	t.Helper()
	var out []string
	for e, err := range f.Follow(t.Context(), tail.FollowRequest{Log: log, Start: start}) {
		if err != nil {
			return out, err
		}
		out = append(out, words(e))
	}
	return out, nil
}

func words(e tail.Event) string {
	switch e := e.(type) {
	case tail.Lines:
		return fmt.Sprintf("%q", e.Text)
	case tail.Gap:
		return "gap " + e.Cause.String()
	case tail.Late:
		return fmt.Sprintf("late %q", e.Text)
	default:
		return fmt.Sprintf("%T", e)
	}
}

func TestFake_ScriptedEvents(t *testing.T) {
	f := NewFake()
	l := f.AddLog("/a", "one", "two")
	l.Write("par")
	l.Rotate()
	l.Append("three")
	l.AppendLate("late")
	l.InjectGap(tail.Gap{Cause: tail.CauseOverwritten})
	l.Append("four")
	l.Truncate()
	l.Append("five")
	got, err := follow(t, f, "/a", tail.StartAtBeginning())
	want := []string{
		`"one\ntwo\npar"`, "tail.Boundary", `"three\n"`, `late "late\n"`, "gap overwritten", `"four\n"`, "tail.Truncated", `"five\n"`, "tail.CaughtUp",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, _ := follow(t, f, "/a", tail.StartAtLastLines(3)); !slices.Equal(got, want[2:]) {
		t.Errorf("last 3 lines: %q", got)
	}
}

func TestFake_DropOldest_PositionsAreGoneAndAFollowerIsTold(t *testing.T) {
	f := NewFake()
	l := f.AddLog("/a", "one")
	old := l.End()
	l.Rotate()
	l.Append("two")
	f.SetBatch(1)
	var got []string
	for e, err := range f.Follow(t.Context(), tail.FollowRequest{Log: "/a", Start: tail.StartAtBeginning()}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, words(e)); len(got) == 1 {
			l.DropOldest()
		}
	}
	if want := []string{`"one\n"`, "gap deleted", `"two\n"`, "tail.CaughtUp"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := follow(t, f, "/a", tail.StartAtPosition(old)); !errors.Is(err, tail.ErrPositionGone) {
		t.Errorf("from a position that is gone: %v", err)
	}
}

func TestFake_Failures(t *testing.T) {
	f := NewFake()
	l := f.AddLog("/a", "one")
	f.FailNext(tail.ErrTooMany)
	if _, err := follow(t, f, "/a", tail.Start{}); !errors.Is(err, tail.ErrTooMany) {
		t.Errorf("FailNext: %v", err)
	}
	for name, fail := range map[string]func() error{
		"Fail":  func() error { l.Fail(tail.ErrUnreadable); return tail.ErrUnreadable },
		"Crash": func() error { f.Crash(); return tail.ErrPluginGone },
	} {
		var want, got error
		for e, err := range f.Follow(t.Context(), tail.FollowRequest{Log: "/a", Follow: true}) {
			if _, ok := e.(tail.CaughtUp); ok {
				if n := f.Followers("/a"); n != 1 {
					t.Errorf("%d followers", n)
				}
				want = fail()
			}
			got = err
		}
		if !errors.Is(got, want) || want == nil {
			t.Errorf("%s: ended with %v, want %v", name, got, want)
		}
	}
	if _, err := follow(t, f, "/a", tail.Start{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if n := f.Followers("/a"); n != 0 {
		t.Errorf("%d followers afterwards", n)
	}
}

func TestFake_Hang_NothingComesUntilResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFake()
		f.AddLog("/a", "one")
		f.Hang()
		answered := make(chan error, 1)
		go func() {
			_, err := f.Info(t.Context())
			answered <- err
		}()
		time.Sleep(time.Hour)
		if len(answered) > 0 {
			t.Error("it answered while it was to hang")
		}
		f.Resume()
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}

func TestFake_Crash_EndsHeartbeatAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFake()
		ctx, cancel := context.WithCancel(t.Context())
		in := func(func(tail.Beat) bool) { <-ctx.Done() }
		for o, err := range f.Heartbeat(ctx, in) {
			if err != nil {
				if !errors.Is(err, tail.ErrPluginGone) {
					t.Errorf("ended with %v", err)
				}
				cancel()
				break
			}
			if o.Kind == tail.OrderAlive {
				f.Crash()
			}
		}
		cancel()
	})
}
