//go:build soak

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/plugin/tail"
)

var (
	slowRounds   = flag.Int("slow.rounds", 15, "rounds of a second without slow sessions and a second with them, for each kind")
	slowSessions = flag.Int("slow.sessions", 20, "slow sessions of one kind")
)

// take returns the notes since the last call.
func (t *times) take() []noted {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.notes
	t.notes = nil
	return out
}

// delays are how long after they were written lines came: for each arrival, that of its last line. What was not written within the notes does
// not count.
func delays(written, came []noted) []time.Duration {
	var out []time.Duration
	for _, c := range came {
		i := sort.Search(len(written), func(i int) bool { return written[i].line >= c.line })
		if i < len(written) && (i > 0 || written[i].line == c.line) {
			out = append(out, c.at.Sub(written[i].at))
		}
	}
	return out
}

// quantile of what is not empty; it is sorted by that.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// pace is how fast a slow peer reads.
type pace int64

const (
	fast pace = iota
	byteASecond
	stopped
)

// slowConn is a connection whose reader can be slowed down.
type slowConn struct {
	net.Conn
	pace atomic.Int64
}

func (s *slowConn) set(p pace) { s.pace.Store(int64(p)) }

func (s *slowConn) Read(b []byte) (int, error) {
	for slept := time.Duration(0); ; slept += 10 * time.Millisecond {
		switch p := pace(s.pace.Load()); {
		case p == fast:
			return s.Conn.Read(b)
		case p == byteASecond && slept >= time.Second:
			return s.Conn.Read(b[:1])
		}
		time.Sleep(10 * time.Millisecond) // It is how fast this peer reads.
	}
}

// slowPeer is a session that does not read as it should.
type slowPeer struct {
	ws   *websocket.Conn
	conn *slowConn
}

// newSlowPeer follows the log from its beginning; the handshake is done at speed.
func newSlowPeer(t *testing.T, addr, log string, p pace) *slowPeer {
	t.Helper()
	var conn *slowConn
	d := websocket.Dialer{ReadBufferSize: 256, HandshakeTimeout: patience, NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		conn = &slowConn{Conn: c}
		return conn, err
	}}
	ws, resp, err := d.DialContext(t.Context(), "ws://"+addr+log+"?tail=1&from=beginning&format=text", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	conn.set(p)
	return &slowPeer{ws, conn}
}

// vanish breaks the connection without a word.
func (p *slowPeer) vanish() {
	_ = p.conn.Conn.(*net.TCPConn).SetLinger(0)
	p.conn.Close()
}

// catchUp reads at speed until so many lines have come, which have to be the first ones of the log, each once.
func (p *slowPeer) catchUp(t *testing.T, lines int64) {
	t.Helper()
	p.conn.set(fast)
	_ = p.ws.SetReadDeadline(time.Now().Add(patience))
	var rest []byte
	for next := int64(0); next < lines; {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			t.Fatalf("a slow session, after %d lines of %d: %v", next, lines, err)
		}
		if string(data) == "ping" {
			_ = p.ws.WriteMessage(websocket.TextMessage, []byte("pong"))
			continue
		}
		rest = append(rest, data...)
		for {
			line, after, ok := bytes.Cut(rest, []byte("\n"))
			if !ok {
				break
			}
			if want := fmt.Sprintf("%012d", next); len(line) < 12 || string(line[:12]) != want {
				t.Fatalf("a slow session got %.40q in the place of line %d", line, next)
			}
			next++
			rest = after
		}
	}
}

// heap is what the host holds after its last collections: the least of several looks.
func heap(t *testing.T, ops string) int64 {
	t.Helper()
	least := int64(0)
	for range 5 {
		found := regexp.MustCompile(`(?m)^go_memstats_heap_alloc_bytes (\S+)$`).FindStringSubmatch(scrape(t, ops))
		n, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if least == 0 || int64(n) < least {
			least = int64(n)
		}
		time.Sleep(50 * time.Millisecond) // Looks, spread over the time.
	}
	return least
}

// Sessions that take one byte a second, that stop, and that vanish, beside others. Seconds with and without them take turns, so that what the
// machine does otherwise is in both, and medians of them are compared; the first kind is nobody, which says how much is left of that.
func TestSoak_SlowSessions_AreNoMatterToTheOthers(t *testing.T) {
	w := newWorld(t, 1, 500, 1<<30)
	w.logs[0].do(func() { w.logs[0].write(100_000) }) // More than sockets take.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ops := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(released(t), "serve", "--listen", "127.0.0.1:0", "--ops-listen", ops, "--write-timeout", "1m", "--heartbeat", "5m", w.dir)
	cmd.Env = append(cmd.Environ(), "GOGC=25") // So that what is held shows soon.
	p := startCommand(t, cmd)
	words := strings.Fields(p.line("listening"))
	addr := words[len(words)-1]
	w.watch(30, addr)
	w.beyond()
	written := &times{}
	w.logs[0].do(func() { w.logs[0].times = written })
	came := make([]*times, len(w.viewers))
	for i, v := range w.viewers {
		came[i] = &times{}
		v.times.Store(came[i])
	}
	// second measures the delays of a second.
	second := func(to *[2][]time.Duration) {
		written.take()
		for _, c := range came {
			c.take()
		}
		time.Sleep(time.Second) // What is measured.
		w.check()
		notes := written.take()
		var all []time.Duration
		for _, c := range came {
			all = append(all, delays(notes, c.take())...)
		}
		if len(all) > 0 { // The machine may have held up everything.
			to[0] = append(to[0], quantile(all, 0.5))
			to[1] = append(to[1], quantile(all, 0.99))
		}
	}
	noise := 1.0
	for _, kind := range []struct {
		name string
		pace pace
	}{{"nobody", fast}, {"one byte a second", byteASecond}, {"stopped", stopped}, {"vanished", stopped}} {
		var alone, beside [2][]time.Duration // p50 and p99 of each second
		var growth []int64
		for range *slowRounds {
			second(&alone)
			before := heap(t, ops)
			var slow []*slowPeer
			for range *slowSessions {
				if kind.name != "nobody" {
					slow = append(slow, newSlowPeer(t, addr, w.logs[0].path, kind.pace))
				}
			}
			time.Sleep(500 * time.Millisecond) // Until they are stuck.
			if kind.name == "vanished" {
				for _, s := range slow {
					s.vanish()
				}
			}
			second(&beside)
			growth = append(growth, heap(t, ops)-before)
			for i, s := range slow {
				if kind.name != "vanished" && i == 0 {
					s.catchUp(t, 100_000)
				}
				s.vanish()
			}
		}
		a50, a99, b50, b99 := quantile(alone[0], 0.5), quantile(alone[1], 0.5), quantile(beside[0], 0.5), quantile(beside[1], 0.5)
		slices.Sort(growth)
		grown := growth[len(growth)/2]
		ratio := float64(b99) / float64(a99)
		t.Logf("%d of the kind %q: p50 %v without, %v with; p99 %v without, %v with (%+.1f %%); heap of the host %+.0f KiB for each",
			*slowSessions, kind.name, a50.Round(time.Microsecond), b50.Round(time.Microsecond), a99.Round(time.Microsecond), b99.Round(time.Microsecond), 100*(ratio-1),
			float64(grown)/1024/float64(*slowSessions))
		if kind.name == "nobody" {
			noise = max(1, ratio, 1/ratio) // By how much it differs where nothing does.
			continue
		}
		if ratio > 1.10*noise {
			t.Errorf("the others' p99 is %.1f %% worse beside them; seconds that do not differ differ by %.1f %%", 100*(ratio-1), 100*(noise-1))
		}
		// Half a batch, as it is sent, and what the frame and the session take.
		if most := int64(*slowSessions) * tail.MaxBatch; grown > most {
			t.Errorf("they cost %d KiB, more than a batch each", grown>>10)
		}
	}
	lines, declared, reconnects := w.finish()
	if declared > 0 || reconnects > 0 {
		t.Errorf("%d lines declared missing, %d reconnections", declared, reconnects)
	}
	t.Logf("%d lines, each once", lines)
}
