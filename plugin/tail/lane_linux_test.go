package tail_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// wides are batches of 10 to 200 kB.
var wides = sync.OnceValue(func() (all [20][]byte) {
	for n := range all {
		line := append(bytes.Repeat([]byte{byte('a' + n)}, 99), '\n')
		all[n] = bytes.Repeat(line, 100*(n+1))
	}
	return all
})

// wide is the batch of the number n, large enough for a lane.
func wide(n int) []byte { return wides()[n%20] }

// followWide follows the log that has wide batches without end, and hands them out until use returns false.
func followWide(ctx context.Context, t tail.Tailer, use func(n int, text []byte) bool) error {
	n := 0
	for e, err := range t.Follow(ctx, tail.FollowRequest{Log: "/wide", Follow: true}) {
		if err != nil {
			return err
		}
		if l, ok := e.(tail.Lines); ok {
			if !use(n, l.Text) {
				return nil
			}
			n++
		}
	}
	return nil
}

func TestLane_LargeBatches_ArriveAsTheyAre(t *testing.T) {
	for name, tailer := range map[string]tail.Tailer{"lane": launch(t, "plugin"), "no lane": tail.OverGRPC(t, newRigged())} {
		t.Run(name, func(t *testing.T) {
			got := 0
			err := followWide(t.Context(), tailer, func(n int, text []byte) bool {
				if !bytes.Equal(text, wide(n)) {
					t.Errorf("batch %d has %d bytes and begins with %.20q, want %d bytes of %.20q", n, len(text), text, len(wide(n)), wide(n))
				}
				got++
				return got < 60 && !t.Failed()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// Calls that are left at once, in the middle, or never reach the plugin leave no descriptor on either side.
func TestLane_CallsThatAreLeft_LeaveNothing(t *testing.T) {
	p := launch(t, "plugin")
	read := func() {
		for n := range 12 {
			ctx, cancel := context.WithCancel(t.Context())
			if n%4 == 3 {
				cancel()
			}
			err := followWide(ctx, p, func(got int, _ []byte) bool { return got < n })
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
	}
	read()
	theirs, ours := descriptors(t, p.Pid()), descriptors(t, os.Getpid())
	for range 5 {
		read()
	}
	deadline := time.Now().Add(30 * time.Second)
	for descriptors(t, p.Pid()) > theirs+3 || descriptors(t, os.Getpid()) > ours+3 {
		if time.Now().After(deadline) {
			t.Fatalf("the plugin has %d descriptors after %d, the host %d after %d", descriptors(t, p.Pid()), theirs, descriptors(t, os.Getpid()), ours)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestLane_CallIsCancelledWhileNobodyReads_EndsAtOnce(t *testing.T) {
	p := launch(t, "plugin")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := followWide(ctx, p, func(int, []byte) bool { cancel(); return true })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}

func TestLane_PluginDiesInTheMiddle_IsErrPluginGone(t *testing.T) {
	p := launch(t, "plugin")
	err := followWide(t.Context(), p, func(n int, _ []byte) bool {
		if n == 3 {
			p.Kill()
		}
		return true
	})
	if !errors.Is(err, tail.ErrPluginGone) {
		t.Errorf("%v, want ErrPluginGone", err)
	}
}

// There are only so many lanes; whoever comes after gets the same without.
func TestLane_MoreCallsThanLanes_GoOnWithoutOne(t *testing.T) {
	p := launch(t, "plugin")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const calls = tail.MaxLanes + 20
	got := make(chan error, calls)
	for range calls {
		go func() { // Ends with ctx.
			first := true
			_ = followWide(ctx, p, func(n int, text []byte) bool {
				if first {
					first = false
					var err error
					if !bytes.Equal(text, wide(0)) {
						err = errors.New("the first batch is damaged")
					}
					got <- err
					<-ctx.Done()
				}
				return false
			})
			if first {
				got <- errors.New("no batch came")
			}
		}()
	}
	for range calls {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
}
