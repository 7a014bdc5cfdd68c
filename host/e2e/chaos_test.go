//go:build chaos

package e2e

import (
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	chaosTime    = flag.Duration("chaos.time", 10*time.Minute, "how long the chaos lasts")
	chaosSeed    = flag.Uint64("chaos.seed", 0, "the seed of an earlier run; 0: another one")
	chaosLogs    = flag.Int("chaos.logs", 5, "logs")
	chaosRate    = flag.Int("chaos.rate", 1000, "lines per second and log")
	chaosViewers = flag.Int("chaos.viewers", 50, "viewers")
	chaosKills   = flag.Int("chaos.kills", 100, "how often TestPluginKilled100Times kills")
)

// The whole of what kill_test.go makes small.
func TestPluginKilled100Times_200Viewers5Logs_NoViewerNotices(t *testing.T) {
	killPlugins(t, killing{logs: 5, rate: *chaosRate, viewers: 200, kills: *chaosKills, maxSize: 512 << 10})
}

// foundSeeds are those of runs that found something, by what it was.
var foundSeeds = map[string]struct {
	seed  uint64
	lasts time.Duration
}{
	"without descriptors, a folder was taken for gone and a whole file passed over": {665313082771895278, 5 * time.Minute},
}

func TestChaos_WhateverHappens_EveryLineIsDeliveredOrDeclared(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	chaos(t, seed, *chaosTime)
}

func TestChaos_SeedsThatFoundSomething(t *testing.T) {
	for what, found := range foundSeeds {
		t.Run(what, func(t *testing.T) { chaos(t, found.seed, found.lasts) })
	}
}

// storm is a run of chaos.
type storm struct {
	*world
	random *rand.Rand
	addr   string // of the front door
	host   *process
	lines  *lines // between the viewers and the front door
	after  []func()
	counts map[string]int
}

func chaos(t *testing.T, seed uint64, lasts time.Duration) {
	s := &storm{world: newWorld(t, *chaosLogs, *chaosRate, 256<<10), random: rand.New(rand.NewPCG(seed, seed)), counts: map[string]int{}}
	s.addr, s.host = serve(t, s.args()...)
	s.lines = newLines(t, s.addr)
	s.watch(*chaosViewers, s.lines.addr())
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		s.act()
		time.Sleep(time.Duration(1000+s.random.IntN(4000)) * time.Millisecond) // The pace of the chaos.
		s.check()
		if s.random.IntN(4) == 0 {
			s.heal()
			s.beyond()
		}
	}
	s.heal()
	s.beyond()
	lines, declared, reconnects := s.finish()
	unseen := int64(0)
	for _, v := range s.viewers {
		unseen += v.unseen.Load()
	}
	t.Logf("seed %d: %d lines delivered, %d declared missing, %d emptied before anybody saw one of them, %d reconnections; %v",
		seed, lines, declared, unseen, reconnects, s.counts)
}

func (s *storm) args() []string {
	return []string{"--plugin-healthy", "1ms", "--plugin-failures", "1000000", s.dir}
}

// heal takes back everything that lasts.
func (s *storm) heal() {
	for _, f := range s.after {
		f()
	}
	s.after = nil
}

func (s *storm) pick() *writer { return s.logs[s.random.IntN(len(s.logs))] }

// act does one thing. All chance comes from the seed, so a run with the same seed does the same things in the same order.
func (s *storm) act() {
	l, v, n := s.pick(), s.viewers[s.random.IntN(len(s.viewers))], 1+s.random.IntN(20)
	names := []string{"kill", "stop", "host", "rotate", "truncate", "delete", "chmod", "descriptors", "pause", "cut", "hostile", "swap", "garbage", "full"}
	what := names[s.random.IntN(len(names))]
	s.counts[what]++
	s.t.Logf("%s %s: %s is at line %d", time.Now().Format("15:04:05.000"), what, filepath.Base(l.path), l.written())
	switch what {
	case "kill":
		if id := s.child(); id != 0 {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	case "stop":
		if id := s.child(); id != 0 && syscall.Kill(id, syscall.SIGSTOP) == nil {
			s.after = append(s.after, func() { _ = syscall.Kill(id, syscall.SIGCONT) }) // If it was not replaced before.
		}
	case "host":
		_ = s.host.Process.Kill()
		<-s.host.exited
		s.restart()
	case "rotate":
		for range n {
			l.do(func() { l.write(3); l.rotate() })
		}
	case "truncate":
		l.do(l.empty)
	case "delete":
		l.do(func() {
			for _, b := range l.backups {
				_ = os.Remove(b)
			}
			l.backups = nil
		})
	case "chmod": // Root reads it all the same; then it does nothing.
		_ = os.Chmod(l.path, 0)
		s.after = append(s.after, func() { _ = os.Chmod(l.path, 0o644) })
	case "descriptors":
		if id := s.child(); id != 0 {
			var old unix.Rlimit
			if unix.Prlimit(id, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 1024}, &old) == nil {
				s.after = append(s.after, func() { _ = unix.Prlimit(id, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: 1024}, nil) })
			}
		}
	case "pause":
		v.slow.Store(int64(time.Duration(n) * 200 * time.Millisecond))
		s.after = append(s.after, func() { v.slow.Store(0) })
	case "cut":
		s.lines.cut(1 + s.random.IntN(10))
	case "hostile":
		s.hostile(200)
	case "swap":
		_ = s.host.Process.Signal(syscall.SIGHUP)
	case "full": // No log has room for more than that, until there is; a write is cut short where it ends.
		room(int64(1+s.random.IntN(256)) << 10)
		s.after = append(s.after, func() { room(-1) })
	case "garbage":
		l.do(func() { l.rotate(); l.rotate(); l.write(1) })
	}
}

// room is how large files may become that this process writes, as if the disk were full; negative: as large as they like.
func room(bytes int64) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if bytes >= 0 {
		limit.Cur = uint64(bytes)
	}
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
}

// restart starts the front door again as a service manager does: once more if it did not come up, as when the machine is so busy that the
// plugin takes too long.
func (s *storm) restart() {
	for {
		s.host = start(s.t, "livetail", append([]string{"serve", "--listen", s.addr}, s.args()...)...)
		for running := true; running && !strings.Contains(s.host.said(), "listening"); {
			select {
			case <-s.host.exited:
				running = false
			case <-time.After(20 * time.Millisecond):
			}
		}
		if strings.Contains(s.host.said(), "listening") {
			return
		}
		s.counts["start that failed"]++
	}
}

// child is the plugin's process, 0 if there is none at the moment.
func (s *storm) child() int {
	all := children(s.t, s.host.Process.Pid)
	if len(all) == 0 {
		return 0
	}
	return all[0]
}

// hostile opens connections that ask for what they must not get, or for nothing.
func (s *storm) hostile(n int) {
	requests := []string{
		"GET " + s.logs[0].path + " HTTP/1.1\r\nHost: evil.test\r\n\r\n",
		"GET /etc/passwd HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\xff\xff\xff\xff",
		"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.test\r\n\r\n", "\x16\x03\x01", "GET /", "\r\n\r\n\r\n",
	}
	for i := range n {
		c, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err != nil {
			continue
		}
		_, _ = io.WriteString(c, requests[i%len(requests)])
		s.after = append(s.after, func() { _ = c.Close() })
	}
}

// lines passes connections on and can cut them at any byte.
type lines struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu    sync.Mutex // guards the rest
	conns map[net.Conn]bool
}

func newLines(t *testing.T, to string) *lines {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{listener: ln, to: to, conns: map[net.Conn]bool{}}
	l.work.Go(func() { // Ends with the listener.
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.work.Go(func() { l.pass(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		l.cut(1 << 20)
		l.work.Wait()
	})
	return l
}

func (l *lines) addr() string { return l.listener.Addr().String() }

func (l *lines) pass(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer up.Close()
	l.mu.Lock()
	l.conns[c] = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.conns, c)
		l.mu.Unlock()
	}()
	done := make(chan struct{})
	go func() { // Ends when up is closed.
		defer close(done)
		_, _ = io.Copy(c, up)
		_ = c.Close()
	}()
	_, _ = io.Copy(up, c)
	_ = up.Close()
	<-done
}

// cut ends up to n connections.
func (l *lines) cut(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if n--; n < 0 {
			return
		}
		_ = c.Close()
	}
}
