package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/livetail/livetail/host/internal/wire"
)

// cut is when a connection breaks: after so many bytes of the viewer, or of the server; abruptly or as if it were said.
type cut struct {
	Up, Down int64
	Hard     bool
}

// cutter passes connections on and cuts the first of them, each at its place.
type cutter struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu   sync.Mutex // guards cuts
	cuts []cut      // of the next connections; those after them are left alone
}

func newCutter(t *testing.T, to string, cuts []cut) *cutter {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: ln, to: to, cuts: cuts}
	c.work.Go(func() { // Ends with the listener.
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			at := cut{Up: 1 << 40, Down: 1 << 40}
			if len(c.cuts) > 0 {
				at, c.cuts = c.cuts[0], c.cuts[1:]
			}
			c.mu.Unlock()
			c.work.Go(func() { c.pass(from.(*net.TCPConn), at) }) // Ends when either side is gone.
		}
	})
	return c
}

func (c *cutter) addr() string { return c.listener.Addr().String() }

// close ends the cutter; its connections have to be over.
func (c *cutter) close() {
	c.listener.Close()
	c.work.Wait()
}

func (c *cutter) pass(from *net.TCPConn, at cut) {
	defer from.Close()
	conn, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	to := conn.(*net.TCPConn)
	defer to.Close()
	var both sync.WaitGroup
	for _, way := range []struct {
		dst, src *net.TCPConn
		n        int64
	}{{to, from, at.Up}, {from, to, at.Down}} {
		both.Go(func() { // Ends when either side is gone, or enough has been passed.
			_, _ = io.CopyN(way.dst, way.src, way.n)
			if at.Hard {
				_ = from.SetLinger(0)
			}
			from.Close()
			to.Close()
		})
	}
	both.Wait()
}

// record is a log and all that was ever written to it.
type record struct {
	*writer
	mu  sync.Mutex // guards all
	all []byte
}

// append writes to the log; what is read can never be ahead of what is known to be written.
func (r *record) append(text []byte) {
	r.mu.Lock()
	r.all = append(r.all, text...)
	r.mu.Unlock()
	r.writer.mu.Lock()
	defer r.writer.mu.Unlock()
	_, _ = r.file.Write(text) // What fails is missed by the readers.
}

// begins reports whether got is the beginning of what was written from n on.
func (r *record) begins(n int, got []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return n <= len(r.all) && bytes.HasPrefix(r.all[n:], got)
}

// mark is a position that the server has named, and how much of the log comes before it.
type mark struct {
	at     string
	before int
}

// reading follows a record over livetail.v1, by what docs/protocol.md says and nothing else: when the connection breaks, it comes back with
// the last position that it has seen.
type reading struct {
	got   []byte
	marks []mark
	dials int
	late  int // connections that broke after they had brought lines
}

func (v *reading) follow(r *record, addr, last string) error {
	for !bytes.HasSuffix(v.got, []byte(last)) {
		if v.dials++; v.dials > 1000 {
			return errors.New("there is no end of it")
		}
		if err := v.connection(r, addr, last); err != nil {
			return err
		}
	}
	return nil
}

// connection is one connection; that it breaks is no error.
func (v *reading) connection(r *record, addr, last string) error {
	at, before := v.marks[len(v.marks)-1].at, len(v.got)
	defer func() {
		if len(v.got) > before && !bytes.HasSuffix(v.got, []byte(last)) {
			v.late++
		}
	}()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	c, resp, err := d.Dial("ws://"+addr+r.path+"?tail=1&format=raw&from="+url.QueryEscape(at), nil)
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("refused with %s", resp.Status)
		}
		return nil // It broke in the handshake.
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return nil // It broke.
		}
		var m struct {
			T, Start, End, Text, To, At, Code, Cause string
			ID                                       int64
		}
		_ = json.Unmarshal(data, &m) // The types of other keys are not looked at.
		switch m.T {
		case "lines":
			if !r.begins(len(v.got), []byte(m.Text)) {
				return fmt.Errorf("after %d bytes came what was not written there: %.120q", len(v.got), m.Text)
			}
			v.got = append(v.got, m.Text...)
			v.marks = append(v.marks, mark{m.End, len(v.got)})
		case "boundary":
			v.marks = append(v.marks, mark{m.To, len(v.got)})
		case "ping":
			if c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"t":"pong","id":%d}`, m.ID)) != nil {
				return nil
			}
		case "gap", "late", "truncated", "error", "bye":
			return fmt.Errorf("nothing is missing, and after %d bytes came %s", len(v.got), data)
		}
		if bytes.HasSuffix(v.got, []byte(last)) {
			return nil
		}
	}
}

// again reads the record from a mark on to its end over a protocol that names no positions, and comes back at the last mark that it has
// passed; what it has got after that one, it gets again.
func (v *reading) again(r *record, addr string, first int, get func(url string, yield func([]byte)) (whole bool)) error {
	begin := v.marks[first].before
	var got []byte
	for dials := 0; ; {
		if dials++; dials > 1000 {
			return errors.New("there is no end of it")
		}
		from := v.marks[first]
		for _, m := range v.marks[first:] {
			if m.before <= begin+len(got) {
				from = m
			}
		}
		got = got[:from.before-begin]
		whole := get(addr+r.path+"?format=text&from="+url.QueryEscape(from.at), func(b []byte) { got = append(got, b...) })
		if !r.begins(begin, got) {
			return fmt.Errorf("from %s on came what was not written there: %.120q", from.at, got[from.before-begin:])
		}
		if whole {
			break
		}
	}
	if want := len(v.got) - begin; len(got) != want {
		return fmt.Errorf("got %d bytes, want %d", len(got), want)
	}
	return nil
}

// plain is one connection over the plain protocol.
func plain(url string, yield func([]byte)) (whole bool) {
	c, resp, err := (&websocket.Dialer{HandshakeTimeout: patience}).Dial("ws://"+url, nil)
	if err != nil {
		return false
	}
	resp.Body.Close()
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for {
		_, data, err := c.ReadMessage()
		switch {
		case err != nil:
			return websocket.IsCloseError(err, websocket.CloseNormalClosure)
		case string(data) == wire.PlainPing:
			if c.WriteMessage(websocket.TextMessage, []byte(wire.PlainPong)) != nil {
				return false
			}
		default:
			yield(data)
		}
	}
}

// curl is one request as curl makes it.
func curl(url string, yield func([]byte)) (whole bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+url, http.NoBody)
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusOK {
		yield(body)
	}
	return err == nil && resp.StatusCode == http.StatusOK
}

// Whatever breaks a connection, at any byte of either direction, and however often: who comes back with the last position gets every line
// once, through rotations, and is told of nothing missing. So do those of the protocols that name no positions, if they begin at one.
func TestResume_ConnectionsCutAtAnyByteInBothDirections_EveryLineOnceOverEachProtocol(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set("25") // Each takes the better part of a second.
		t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
	}
	dir := t.TempDir()
	addr, _ := serve(t, "--heartbeat", "100ms", "--heartbeat-timeout", "1m", dir)
	cuts := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) cut {
		c := cut{Up: 1 << 40, Down: rapid.OneOf(rapid.Int64Range(0, 2_000), rapid.Int64Range(1_000, 60_000), rapid.Int64Range(1_000, 60_000)).Draw(rt, "down"), Hard: rapid.Bool().Draw(rt, "hard")}
		if rapid.IntRange(0, 3).Draw(rt, "way") == 0 {
			c.Up, c.Down = rapid.Int64Range(0, 700).Draw(rt, "up"), 1<<40
		}
		return c
	}), 3, 12)
	n, broken, late, rotations := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		r := &record{writer: &writer{path: filepath.Join(dir, fmt.Sprintf("case%d.log", n)), keep: 1 << 20}}
		r.do(func() { r.write(1) })
		defer r.do(func() { r.file.Close() })
		r.all = fmt.Appendf(nil, "%012d%s", 0, payload)
		proxy := newCutter(t, addr, cuts.Draw(rt, "cuts of livetail.v1"))
		defer proxy.close()
		v := &reading{marks: []mark{{"beginning", 0}}}
		const last = "this is the last line\n"
		done := make(chan error, 1)
		go func() { done <- v.follow(r, proxy.addr(), last) }()
		for range rapid.IntRange(4, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				r.do(r.rotate)
				rotations++
			case 1:
				time.Sleep(time.Duration(rapid.IntRange(0, 20).Draw(rt, "ms")) * time.Millisecond) // The pace of the writer.
			case 2: // One line that is delivered in pieces, and written in two.
				long := bytes.Repeat([]byte("你"), rapid.IntRange(1, 60_000).Draw(rt, "long"))
				r.append(long)
				r.append([]byte("\n"))
			default:
				var text []byte
				for i := range rapid.IntRange(1, 300).Draw(rt, "lines") {
					text = fmt.Appendf(text, "%d %d %s\n", n, i, strings.Repeat("x", i%97))
				}
				r.append(text)
			}
		}
		r.append([]byte(last))
		if err := <-done; err != nil {
			rt.Fatal(err)
		}
		broken += v.dials - 1
		late += v.late
		if !r.begins(0, v.got) || len(v.got) != len(r.all) {
			rt.Fatalf("got %d bytes of %d", len(v.got), len(r.all))
		}
		for _, other := range []struct {
			name string
			get  func(string, func([]byte)) bool
		}{{"plain", plain}, {"text", curl}} {
			proxy := newCutter(t, addr, cuts.Draw(rt, "cuts of "+other.name))
			err := v.again(r, proxy.addr(), rapid.IntRange(0, len(v.marks)-1).Draw(rt, "mark"), other.get)
			proxy.close()
			if err != nil {
				rt.Fatalf("%s: %v", other.name, err)
			}
		}
	})
	t.Logf("%d logs, %d rotations; of livetail.v1, %d connections broke, %d of them after they had brought lines", n, rotations, broken, late)
	if late == 0 || late == broken || rotations == 0 {
		t.Error("not everything happened that was to happen")
	}
}
