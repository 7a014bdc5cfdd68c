//go:build soak

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

var soakSessions = flag.Int("soak.sessions", 10_000, "idle sessions")

// released is livetail as it is released, without the race detector: its memory is what is measured.
func released(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "livetail")
	cmd := exec.Command("go", "build", "-o", out, "./host/cmd/livetail")
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	return out
}

// usage is what a process and its children use: memory that is theirs alone or shared in parts, and processor time.
func usage(t *testing.T, pids ...int) (memory int64, cpu time.Duration) {
	t.Helper()
	for _, pid := range pids {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			t.Skip(err)
		}
		for l := range strings.Lines(string(rollup)) {
			if f := strings.Fields(l); f[0] == "Pss:" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				memory += n << 10
			}
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(after)
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		cpu += time.Duration(user+system) * 10 * time.Millisecond
	}
	return memory, cpu
}

// idler is a session that reads and answers, and nothing else.
func idler(c *websocket.Conn) error {
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return err
		}
		if string(data) == "ping" {
			if err := c.WriteMessage(websocket.TextMessage, []byte("pong")); err != nil {
				return err
			}
		}
	}
}

// Ten thousand sessions that wait: what each costs, and that all of them are told when the server ends.
func TestSoak_TenThousandIdleSessions(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < uint64(*soakSessions)+500 {
		t.Skipf("%d open files are possible, which is too few: ulimit -n %d", files.Cur, *soakSessions+1000)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\n")
	cmd := exec.Command(released(t), "serve", "--listen", "127.0.0.1:0", "--max-sessions", "100000", dir)
	p := startCommand(t, cmd)
	words := strings.Fields(p.line("listening"))
	addr := words[len(words)-1]
	pids := append([]int{p.Process.Pid}, plugin(t, p))
	before, _ := usage(t, pids...)

	dialer := websocket.Dialer{
		ReadBufferSize: 256, WriteBufferPool: &sync.Pool{}, WriteBufferSize: 256, HandshakeTimeout: patience,
		NetDialContext: (&net.Dialer{}).DialContext,
	}
	var closes sync.Map // code to *atomic.Int64
	var open, idling sync.WaitGroup
	turns := make(chan struct{}, 64)
	begun := time.Now()
	for range *soakSessions {
		turns <- struct{}{}
		open.Go(func() {
			defer func() { <-turns }()
			c, _, err := dialer.DialContext(t.Context(), "ws://"+addr+log+"?tail=1", http.Header{})
			if err != nil {
				t.Error(err)
				return
			}
			idling.Go(func() { // Ends when the server ends.
				defer c.Close()
				code := 1006
				if e := (*websocket.CloseError)(nil); errors.As(idler(c), &e) {
					code = e.Code
				}
				n, _ := closes.LoadOrStore(code, new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
			})
		})
	}
	open.Wait()
	opened := time.Since(begun)
	time.Sleep(12 * time.Second) // What the beginning took is given back, and each has been pinged once.
	_, cpu := usage(t, pids...)
	const rest = 20 * time.Second
	time.Sleep(rest) // What is measured: nothing happens.
	memory, now := usage(t, pids...)
	t.Logf("%d sessions in %v; %.1f KiB each, host and plugin; idle with heartbeats every 10s: %.1f %% of one processor",
		*soakSessions, opened.Round(time.Millisecond), float64(memory-before)/1024/float64(*soakSessions), 100*(now-cpu).Seconds()/rest.Seconds())

	ended := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	code := p.wait()
	took := time.Since(ended)
	idling.Wait()
	told := int64(0)
	if n, ok := closes.Load(websocket.CloseGoingAway); ok {
		told = n.(*atomic.Int64).Load()
	}
	t.Logf("ended in %v with code %d; %d of %d sessions were told 1001", took.Round(time.Millisecond), code, told, *soakSessions)
	if took > 10*time.Second {
		t.Errorf("it took longer than 10s to end")
	}
	if code != 0 || float64(told) < 0.999*float64(*soakSessions) {
		closes.Range(func(k, v any) bool { t.Logf("close code %v: %d", k, v.(*atomic.Int64).Load()); return true })
		t.Error("too few were told, or it did not end well")
	}
}
