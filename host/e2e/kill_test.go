package e2e

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/access"
)

// killing says how much of a test of the plugin's death is made.
type killing struct {
	logs, rate, viewers, kills int
	maxSize                    int64
}

// small is what every run of the tests makes; the whole is made with the tag chaos.
var small = killing{logs: 3, rate: 400, viewers: 12, kills: 8, maxSize: 64 << 10}

// plugin returns the one plugin process of p.
func plugin(t *testing.T, p *process) int {
	t.Helper()
	var all []int
	eventually(t, "there is one plugin process", func() bool {
		all = children(t, p.Process.Pid)
		return len(all) == 1
	})
	return all[0]
}

func TestPluginKilledAtRandom_UnderLoadAndRotation_NoViewerNotices(t *testing.T) {
	killPlugins(t, small)
}

// killPlugins kills the plugin again and again under viewers, who are not to notice. Where the programs are as they are released, and the machine
// does nothing else, each has to be back within a second.
func killPlugins(t *testing.T, k killing) {
	w := newWorld(t, k.logs, k.rate, k.maxSize)
	// No kill is to be taken for one failure too many; and a viewer that a busy machine leaves no time to answer is not what this is about.
	addr, p := serve(t, "--plugin-healthy", "1ms", "--plugin-failures", "1000000", "--heartbeat-timeout", "1m", "--write-timeout", "1m", w.dir)
	w.watch(k.viewers, addr)
	random := rand.New(rand.NewPCG(1, 2))
	var back, undisturbed []time.Duration
	for range k.kills {
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // At random, which is what this is about.
		undisturbed = append(undisturbed, w.beyond())
		_ = syscall.Kill(plugin(t, p), syscall.SIGKILL)
		back = append(back, w.beyond())
	}
	slices.Sort(undisturbed)
	t.Logf("when nothing happens, the last viewer has a new line after %v (median), %v at the most",
		undisturbed[len(undisturbed)/2].Round(time.Millisecond), undisturbed[len(undisturbed)-1].Round(time.Millisecond))
	if late := report(t, w, "killed", back); late > 0 && !checked {
		t.Errorf("%d times somebody was not back within a second", late)
	}
}

// report ends the world; no viewer may have been disconnected, and nothing may have been missed. It returns how often the last viewer was
// back later than a second after.
func report(t *testing.T, w *world, what string, back []time.Duration) (late int) {
	t.Helper()
	lines, declared, reconnects := w.finish()
	if declared > 0 || reconnects > 0 {
		t.Errorf("%d lines were declared missing, viewers were disconnected %d times: %v", declared, reconnects, w.reasons())
	}
	slices.Sort(back)
	within, _ := slices.BinarySearch(back, time.Second)
	late = len(back) - within
	t.Logf("%s %d times: %d viewers of %d logs got %d lines, each once; the last viewer was back after %v (median), %v at the most; %d times after more than 1s",
		what, len(back), len(w.viewers), len(w.logs), lines, back[len(back)/2].Round(time.Millisecond), back[len(back)-1].Round(time.Millisecond), late)
	return late
}

func TestPluginStopped_IsFoundAndReplaced_NoViewerNotices(t *testing.T) {
	if testing.Short() {
		t.Skip("a hang is found after seconds")
	}
	w := newWorld(t, 2, 200, 64<<10)
	addr, p := serve(t, w.dir)
	w.watch(6, addr)
	id := plugin(t, p)
	if err := syscall.Kill(id, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	back := w.beyond()
	if alive(id) {
		t.Error("the stopped process is still there")
	}
	report(t, w, "stopped", []time.Duration{back})
}

func TestPluginSwappedUnderLoad_BySignalAndByCall_NoViewerNotices(t *testing.T) {
	token, line, err := access.NewToken("olga")
	if err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 2, 400, 64<<10)
	addr, p := serve(t, w.dir)
	w.watch(6, addr)
	// A second front door over the same logs, which asks for credentials, has the call.
	guarded, q := serve(t, "--token-file", tokens, "--operator", "olga", w.dir)
	var back []time.Duration
	for range 3 {
		before, other := plugin(t, p), plugin(t, q)
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+guarded+"/-/plugins/swap", strings.NewReader(`{"prefix": "/"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("the call got %s", answer.Status)
		}
		eventually(t, "both plugins are others", func() bool {
			now, then := children(t, p.Process.Pid), children(t, q.Process.Pid)
			return len(now) == 1 && now[0] != before && len(then) == 1 && then[0] != other
		})
		back = append(back, w.beyond())
	}
	report(t, w, "swapped", back)
}

func TestHostKilledUnderLoad_NoPluginStaysAndViewersResume(t *testing.T) {
	w := newWorld(t, 2, 400, 64<<10)
	addr, p := serve(t, w.dir)
	w.watch(6, addr)
	for range 3 {
		id := plugin(t, p)
		killed := time.Now()
		_ = p.Process.Kill()
		eventually(t, "the plugin has ended", func() bool { return !alive(id) })
		gone := time.Since(killed)
		if gone > 2*time.Second {
			t.Errorf("the plugin was there for %v after its host", gone)
		}
		<-p.exited
		p = start(t, "livetail", "serve", "--listen", addr, w.dir)
		p.line("listening")
		t.Logf("the plugin was gone after %v, viewers back after %v", gone.Round(time.Millisecond), w.beyond().Round(time.Millisecond))
	}
	lines, declared, reconnects := w.finish()
	if declared > 0 || reconnects < int64(len(w.viewers)) {
		t.Errorf("%d lines were declared missing, viewers reconnected %d times", declared, reconnects)
	}
	t.Logf("%d lines, each once, over %d reconnections", lines, reconnects)
}
