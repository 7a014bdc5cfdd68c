package supervise_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
)

// pluginEnv makes the test binary a plugin ("plugin") or a host that launches one and tells its process id ("host").
const pluginEnv = "LIVETAIL_SUPERVISE_TEST_PLUGIN"

// killsFlag: a hundred take a minute with the race detector.
var killsFlag = flag.Int("kills", 15, "how often the plugin is killed under load")

// fileTailer follows a file that is only ever appended to: just enough to lose or double lines if the host does it wrongly.
// Heartbeat says 20 times a second that it lives.
// up runs a supervised plugin in a process of its own until the test ends.
func up(t *testing.T, o supervise.Options) *supervise.Plugin {
	t.Helper()
	o.Launch = executable()
	p := supervise.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	if _, err := p.Info(t.Context()); err != nil {
		t.Fatal(err, p.Status().Err)
	}
	return p
}

// writeNumbers appends numbered lines to a file until the test ends.
func writeNumbers(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer f.Close()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 0; ; {
			var b []byte
			for range 20 {
				n++
				b = fmt.Appendf(b, "%d\n", n)
			}
			if _, err := f.Write(b); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return path
}

// counter is a reader of numbered lines that knows which one comes next.
type counter struct {
	mu   sync.Mutex
	last int
	bad  string
}

func (c *counter) lines(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if (err != nil || n != c.last+1) && c.bad == "" {
			c.bad = fmt.Sprintf("after %d came %q", c.last, line)
		}
		c.last = n
	}
}

func (c *counter) state() (last int, bad string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.bad
}

// past waits until c has got more than n.
func (c *counter) past(t *testing.T, n int, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		last, bad := c.state()
		if bad != "" {
			t.Fatal(bad)
		}
		if last > n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing came after %d for %v", n, within)
		}
	}
}

type plain struct{}

func (plain) RenderInto(_ []byte, e tail.Event) []byte {
	if l, ok := e.(tail.Lines); ok {
		return l.Text
	}
	return nil
}

// watch starts a session that counts; it must never end before ctx does.
func watch(ctx context.Context, t *testing.T, h *hub.Hub, path string) (c *counter, done chan struct{}) {
	t.Helper()
	s, err := h.Open(ctx, hub.Request{
		Log: path, Start: tail.StartAtBeginning(), Follow: true,
		Rendering: hub.Rendering{Key: "plain", New: func() hub.Renderer { return plain{} }},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, done = &counter{}, make(chan struct{})
	go func() {
		defer close(done)
		defer s.Close()
		for {
			item, err := s.Next(ctx)
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("a session was closed: %v", err)
				}
				return
			}
			if f, ok := item.(*hub.Frame); ok {
				c.lines(f.Payload)
			}
		}
	}()
	return c, done
}

func TestReal_KilledAgainAndAgainUnderLoad_LosesAndDoublesNothing(t *testing.T) {
	kills := *killsFlag
	if testing.Short() {
		kills = min(kills, 5)
	}
	launching := time.Now()
	p := up(t, supervise.Options{Healthy: time.Millisecond, BreakerFailures: 1 << 30})
	launch := time.Since(launching) // On an idle machine a tenth of a second, under load much more.
	path := writeNumbers(t)
	ctx, cancel := context.WithCancel(t.Context())
	h := hub.New(p, hub.Options{})
	ran := make(chan struct{})
	go func() { defer close(ran); _ = h.Run(ctx) }()
	defer func() { cancel(); <-ran }()
	var counters []*counter
	for range 3 {
		c, done := watch(ctx, t, h, path)
		counters = append(counters, c)
		defer func() { cancel(); <-done }()
	}
	for _, c := range counters {
		c.past(t, 0, time.Minute)
	}
	var returns []time.Duration
	for range kills {
		pid, killed := p.Status().Pid, time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for s := range p.Watch(t.Context()) {
			if s.State == supervise.StateUp && s.Pid != pid {
				break
			}
		}
		n, _ := counters[0].state()
		counters[0].past(t, n, time.Minute)
		returns = append(returns, time.Since(killed))
		for _, c := range counters[1:] {
			c.past(t, n, time.Minute)
		}
	}
	slices.Sort(returns)
	median, slowest := returns[len(returns)/2], returns[len(returns)-1]
	last, _ := counters[0].state()
	t.Logf("%d kills, %d lines to each of %d sessions; back after %v, at the most %v; %+v",
		kills, last, len(counters), median, slowest, h.Stats())
	if median > max(time.Second, 4*launch) {
		t.Errorf("lines came again after %v, and a launch takes %v", median, launch)
	}
}

func TestReal_Stopped_IsFoundKilledAndReplaced(t *testing.T) {
	p := up(t, supervise.Options{AliveInterval: 200 * time.Millisecond})
	path := writeNumbers(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &counter{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range p.Follow(ctx, tail.FollowRequest{Log: path, Start: tail.StartAtBeginning(), Follow: true}) {
			if l, ok := e.(tail.Lines); ok {
				c.lines(l.Text)
			}
		}
	}()
	c.past(t, 0, time.Minute)
	pid := p.Status().Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	for s := range p.Watch(t.Context()) {
		if s.State == supervise.StateUp && s.Pid != pid {
			break
		}
	}
	t.Logf("replaced after %v", time.Since(stopped))
	n, _ := c.state()
	c.past(t, n+2000, time.Minute)
	if s := p.Status(); s.Hangs == 0 {
		t.Errorf("got %+v", s)
	}
	waitGone(t, pid)
	cancel()
	<-done
}

func TestReal_StoppedPluginIsClosed_WithinSixSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 s")
	}
	p := supervise.New(supervise.Options{Launch: executable(), AliveInterval: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	if _, err := p.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := p.Status().Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cancel()
	start := time.Now()
	<-done
	if d := time.Since(start); d > 6*time.Second {
		t.Errorf("took %v", d)
	}
	waitGone(t, pid)
}

func TestReal_SwapUnderLoad_LosesAndDoublesNothing(t *testing.T) {
	p := up(t, supervise.Options{})
	path := writeNumbers(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &counter{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range p.Follow(ctx, tail.FollowRequest{Log: path, Start: tail.StartAtBeginning(), Follow: true}) {
			if l, ok := e.(tail.Lines); ok {
				c.lines(l.Text)
			}
		}
	}()
	for range 5 {
		pid := p.Status().Pid
		if err := p.Swap(t.Context(), executable()); err != nil {
			t.Fatal(err)
		}
		n, _ := c.state()
		c.past(t, n+1000, time.Minute)
		waitGone(t, pid)
	}
	if s := p.Status(); s.Restarts != 0 || s.State != supervise.StateUp {
		t.Errorf("got %+v", s)
	}
	cancel()
	<-done
}

func TestReal_HostIsKilled_PluginEnds(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(path)
	host.Env = append(os.Environ(), pluginEnv+"=host")
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the host said %q", line)
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	waitGone(t, pid)
}

// waitGone waits until a process is no more, or nothing but a zombie that its new parent has not noticed.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) || bytes.Contains(stat, []byte(") X ")) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}
