package follow

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// limitFiles lets the process open so many more files than it has open.
func limitFiles(t *testing.T, more uint64) (undo func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: uint64(len(open)) - 1 + more, Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }
}

// However few descriptors are left, what is delivered and what is declared make up the history, and when there are enough, it is whole.
func TestStart_NoDescriptorIsLeftForTheHistory_DeliveredPlusDeclaredIsWritten(t *testing.T) {
	if !inNamespace(t, 0) { // In a process of its own: the limit is that of the process.
		return
	}
	const rotated = 12
	for more := range uint64(2 * rotated) {
		w := newWorld(t, nil)
		for i := range rotated {
			w.write(fmt.Sprintf("app.log.%d", rotated-i), numbered(i*10, i*10+10))
		}
		w.write("app.log", numbered(rotated*10, rotated*10+10))
		follower := w.follow(tail.StartAtEnd())
		follower.caughtUp()
		undo := limitFiles(t, more)
		r := w.all(tail.StartAtBeginning())
		undo()
		delivered, declared, doubt := strings.Count(r.text.String(), "\n")/10, 0, 0
		for _, e := range r.events {
			switch g, ok := e.(tail.Gap); {
			case !ok:
			case g.Certain && g.Cause == tail.CauseUnreadable:
				declared += int(*g.Generations)
			case !g.Certain && g.Cause == tail.CauseUnreadable:
				doubt++
			}
		}
		if delivered+declared != rotated+1 && (doubt != 1 || delivered+declared > rotated+1) || doubt > 0 && delivered > 1 {
			t.Errorf("with %d descriptors, %d generations are delivered, %d declared of %d; %s", more, delivered, declared, rotated+1, r)
		}
		t.Logf("with %d descriptors: %d delivered, %d declared, %d in doubt", more, delivered, declared, doubt)
		r.close()
		if r := w.all(tail.StartAtBeginning()); r.text.String() != numbered(0, rotated*10+10) || count[tail.Gap](r) != 0 {
			t.Fatalf("afterwards: got %s, %s", brief(r.text.String()), r)
		}
		w.e.Close()
	}
}

// A rotator that counts renames all files while history is listed and opened. What is read has no hole, unless one is declared.
func TestStart_NamesMoveOnWhileHistoryIsLookedUp_NothingIsLeftOutInSilence(t *testing.T) {
	w := newWorld(t, nil)
	const kept = 40
	generation := 0
	live := func() {
		w.write("tmp", fmt.Sprintf("generation %06d\n", generation))
		w.rename("tmp", "app.log")
		generation++
	}
	rotate := func() {
		for i := kept; i >= 1; i-- {
			err := os.Rename(w.path(fmt.Sprintf("app.log.%d", i)), w.path(fmt.Sprintf("app.log.%d", i+1)))
			if err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
		w.rename("app.log", "app.log.1")
		live()
	}
	live()
	for range kept {
		rotate()
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond):
				rotate()
			}
		}
	}()
	declared := 0
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		w.e.Close()
		w.start(nil)
		r := w.open(tail.FollowRequest{Start: tail.StartAtBeginning(), Wait: true}) // For a moment, nothing stands at the path.
		r.caughtUp()
		last, gaps := -1, count[tail.Gap](r)
		for line := range strings.Lines(r.text.String()) {
			var n int
			if _, err := fmt.Sscanf(line, "generation %d\n", &n); err != nil || n <= last || last >= 0 && n != last+1 && gaps == 0 {
				t.Errorf("%q after generation %d; %+v", line, last, r.events)
			}
			last = n
		}
		declared += gaps
		r.close()
	}
	close(stop)
	<-stopped
	t.Logf("%d gaps, %d rotations", declared, generation-1)
}
