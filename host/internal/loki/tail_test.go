package loki

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/plugin/tail"
)

// patience is how long a test waits for what has to happen.
const patience = 10 * time.Second

// client is the other end of a live tail.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	left [][2]string // values read and not yet taken
	sets []string    // the stream of each of them
}

func dial(t *testing.T, web *httptest.Server, params ...string) *client {
	t.Helper()
	conn, resp, err := try(web, params...)
	if err != nil {
		t.Fatalf("dial: %v %v", err, resp)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn}
}

func try(web *httptest.Server, params ...string) (*websocket.Conn, *http.Response, error) {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Add(params[i], params[i+1])
	}
	return websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/loki/api/v1/tail?"+q.Encode(), nil)
}

// next reads one more line.
func (c *client) next() (at, line, set string) {
	c.t.Helper()
	for len(c.left) == 0 {
		if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			c.t.Fatal(err)
		}
		kind, b, err := c.conn.ReadMessage()
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
		if kind != websocket.TextMessage {
			c.t.Fatalf("message of type %d", kind)
		}
		var m struct {
			Streams []struct {
				Stream map[string]string
				Values [][2]string
			}
		}
		if err := json.Unmarshal(b, &m); err != nil {
			c.t.Fatalf("%v: %s", err, b)
		}
		for _, s := range m.Streams {
			set, err := json.Marshal(s.Stream)
			if err != nil {
				c.t.Fatal(err)
			}
			for range s.Values {
				c.sets = append(c.sets, string(set))
			}
			c.left = append(c.left, s.Values...)
		}
	}
	v, set := c.left[0], c.sets[0]
	c.left, c.sets = c.left[1:], c.sets[1:]
	return v[0], v[1], set
}

// lines reads the texts of n more lines.
func (c *client) lines(n int) []string {
	c.t.Helper()
	var out []string
	for range n {
		_, line, _ := c.next()
		out = append(out, line)
	}
	return out
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestTail_WithoutStart_BeginsWithTheLastLinesOldestFirst(t *testing.T) {
	m, web, _ := newTest(t, func(o *Options) { o.Backlog = 3 })
	c := dial(t, web, "query", `{host="h1"}`)
	equal(t, c.lines(3), "", "level=error msg=four took=20ms", "five")
	m.write("/var/log/app.log", noon, "six")
	at, line, set := c.next()
	if want := `{"detected_level":"unknown","filename":"/var/log/app.log","host":"h1","job":"app","service_name":"app"}`; at != ns(0) || line != "six" || set != want {
		t.Errorf("got %s %s %s", at, line, set)
	}
}

func TestTail_NoBacklog_BeginsWithWhatIsNew(t *testing.T) {
	m, web, _ := newTest(t, func(o *Options) { o.Backlog = -1 })
	c := dial(t, web, "query", `{job="app"}`)
	m.write("/var/log/app.log", noon, "six", "seven")
	equal(t, c.lines(2), "six", "seven")
}

func TestTail_WithStart_GoesOnInclusively(t *testing.T) {
	m, web, _ := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"}`, "start", ns(-10*time.Minute+1), "limit", "30")
	m.write("/var/log/app.log", noon, "six")
	equal(t, c.lines(2), "five", "six")
	c = dial(t, web, "query", `{job="app"}`, "start", ns(-time.Hour), "limit", "2")
	m.write("/var/log/app.log", noon.Add(1), "seven")
	equal(t, c.lines(3), "five", "six", "seven")
}

func TestTail_OldLines_AreNoBacklog(t *testing.T) {
	m, web, _ := newTest(t, nil)
	m.write("/old.txt", noon.Add(-48*time.Hour), "ancient")
	c := dial(t, web, "query", `{job="old"}`)
	m.write("/old.txt", noon, "new")
	equal(t, c.lines(1), "new")
}

func TestTail_Query_FiltersBacklogAndNewLines(t *testing.T) {
	m, web, _ := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"} | logfmt | level="error"`)
	_, line, set := c.next()
	if line != "level=error msg=four took=20ms" || !strings.Contains(set, `"took":"20ms"`) {
		t.Errorf("got %s %s", line, set)
	}
	m.write("/var/log/app.log", noon, "level=info msg=six", "level=error msg=seven")
	equal(t, c.lines(1), "level=error msg=seven")
}

// The lines between the backlog and what is new are neither lost nor doubled, however busy the log is.
func TestTail_BusyLog_GivesEveryLineOnceInOrder(t *testing.T) {
	m, web, _ := newTest(t, nil)
	m.write("/busy.txt", noon, "0")
	stop := make(chan struct{})
	done := make(chan int)
	go func() { // Ends when the test says so.
		n := 1
		for {
			select {
			case <-stop:
				done <- n
				return
			default:
			}
			m.write("/busy.txt", noon.Add(time.Duration(n)*time.Microsecond), fmt.Sprint(n), fmt.Sprint(n+1))
			n += 2
			time.Sleep(10 * time.Microsecond)
		}
	}()
	defer func() { close(stop); <-done }()
	for range 5 {
		c := dial(t, web, "query", `{job="busy"}`)
		lines := c.lines(1000)
		for i := range lines[1:] {
			var a, b int
			fmt.Sscan(lines[i], &a)
			fmt.Sscan(lines[i+1], &b)
			if b != a+1 {
				t.Fatalf("%s is followed by %s", lines[i], lines[i+1])
			}
		}
	}
}

// A client that does not read gets everything in the end: lines wait in the log, not in memory.
func TestTail_SlowClient_LosesNothing(t *testing.T) {
	m, web, _ := newTest(t, func(o *Options) { o.Backlog = -1 })
	c := dial(t, web, "query", `{job="app"}`)
	text := strings.Repeat("x", 1000)
	const n = 12000
	for i := range n / 100 {
		var batch []string
		for j := range 100 {
			batch = append(batch, fmt.Sprintf("%d %s", i*100+j, text))
		}
		m.write("/var/log/app.log", noon.Add(time.Duration(i)*time.Second), batch...)
	}
	for i := range n {
		_, line, _ := c.next()
		if want := fmt.Sprintf("%d ", i); !strings.HasPrefix(line, want) {
			t.Fatalf("got %.20s, want %s", line, want)
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// open is how many live tails there are.
func (s *Server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots
}

func TestTail_LogThatGoesAndComesBack_GoesOnWhereItWas(t *testing.T) {
	m, web, s := newTest(t, nil)
	s.lookInterval = 5 * time.Millisecond
	c := dial(t, web, "query", `{host="h1"}`)
	c.lines(7)
	m.update(func() { m.logs["/var/log/app.log"].gone = tail.ErrNotFound })
	m.write("/var/log/web/access.log", noon, "still here")
	equal(t, c.lines(1), "still here")
	m.update(func() { m.logs["/var/log/app.log"].gone = nil })
	m.write("/var/log/app.log", noon, "six")
	equal(t, c.lines(1), "six")
}

func TestTail_NewLog_IsFollowedFromItsBeginning(t *testing.T) {
	m, web, s := newTest(t, nil)
	s.lookInterval = 5 * time.Millisecond
	c := dial(t, web, "query", `{filename=~"/var/log/.*"}`)
	c.lines(7)
	m.write("/var/log/new.log", noon, "first", "second")
	equal(t, c.lines(2), "first", "second")
}

func TestTail_Gap_StandsInTheStream(t *testing.T) {
	m, web, _ := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"} |= "f"`)
	equal(t, c.lines(2), "level=error msg=four took=20ms", "five")
	bytes := int64(1234)
	m.update(func() {
		m.logs["/var/log/app.log"].gaps = []tail.Gap{{Cause: tail.CauseDeleted, Certain: true, Bytes: &bytes}, {Cause: tail.CauseCopyWindow, MinBytes: &bytes}}
	})
	for _, want := range []string{"livetail: lines are missing here (deleted): 1234 bytes", "livetail: lines may be missing here (copy_window): at least 1234 bytes"} {
		if _, line, set := c.next(); line != want || !strings.Contains(set, `"livetail_event":"gap"`) {
			t.Errorf("got %s %s", line, set)
		}
	}
}

func TestTail_Ping_IsSentAndItsAnswerAwaited(t *testing.T) {
	short := func(o *Options) {
		o.Limits.PingInterval, o.Limits.PongTimeout = 20*time.Millisecond, 200*time.Millisecond
	}
	_, web, s := newTest(t, short)
	c := dial(t, web, "query", `{job="app"}`)
	pings := 0
	c.conn.SetPingHandler(func(data string) error {
		if pings++; pings > 30 { // Lived for longer than a client that does not answer, and stops to answer now.
			return nil
		}
		return c.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	if code, _ := c.code(); code != websocket.CloseAbnormalClosure || pings <= 30 {
		t.Errorf("close code %d after %d pings", code, pings)
	}
	waitFor(t, "the tail to end", func() bool { return s.open() == 0 })
}

func TestTail_Delay_HoldsLinesBack(t *testing.T) {
	m, web, _ := newTest(t, func(o *Options) { o.Backlog = -1 })
	c := dial(t, web, "query", `{job="app"}`, "delay_for", "1")
	start := time.Now()
	m.write("/var/log/app.log", noon, "six")
	equal(t, c.lines(1), "six")
	if d := time.Since(start); d < time.Second {
		t.Errorf("came after %v", d)
	}
}

// A tailer that does not know the times of lines can be tailed all the same.
func TestTail_TailerWithoutTimes_StampsArrivals(t *testing.T) {
	m, web, _ := newTest(t, nil)
	m.update(func() { m.untimed = true })
	c := dial(t, web, "query", `{job="app"}`)
	last := ""
	for range 5 {
		at, _, _ := c.next()
		if at <= last || len(at) != len(ns(0)) {
			t.Errorf("%s comes after %s", at, last)
		}
		last = at
	}
	if code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{job="app"}`); code != http.StatusNotImplemented {
		t.Errorf("query_range: %d %s", code, body)
	}
}

func TestAppendTail_Message_IsThatOfLoki(t *testing.T) {
	a, b := &labelSet{json: []byte(`{"job":"app","filename":"/var/log/a.log"}`)}, &labelSet{json: []byte(`{"job":"b"}`)}
	got := string(appendTail(nil, []found{{1795392072166745150, "line text", a}, {1795392072166745151, "more", a}, {7, "", b}}))
	want := `{"streams":[{"stream":{"job":"app","filename":"/var/log/a.log"},"values":[["1795392072166745150","line text"],["1795392072166745151","more"]]},` +
		`{"stream":{"job":"b"},"values":[["7",""]]}]}`
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A tailer whose times stand still or run backwards, as those of two generations may: clients take a line of the same time for the same line.
func TestServer_TimesThatDoNotGrow_GrowForClients(t *testing.T) {
	m, web, _ := newTest(t, func(o *Options) { o.Backlog = 3 })
	const log = "/same.txt"
	for i := range 4 {
		m.write(log, noon.Add(-time.Minute), fmt.Sprintf("%da", i), fmt.Sprintf("%db", i))
	}
	m.write(log, noon.Add(-2*time.Minute), "back")
	m.update(func() { m.maxPage = 2 })
	c := dial(t, web, "query", `{job="same"}`)
	m.write(log, noon.Add(-time.Minute), "new", "newer")
	var tailed, times []string
	for range 5 {
		at, line, _ := c.next()
		tailed, times = append(tailed, line), append(times, at)
	}
	equal(t, tailed, "3a", "3b", "back", "new", "newer")
	all := []string{"0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b", "back", "new", "newer"}
	for _, direction := range []string{"forward", "backward"} {
		_, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{job="same"}`, "direction", direction, "start", ns(-time.Hour), "end", ns(0))
		lines, at := byTime(t, body, direction)
		if direction == "backward" {
			slices.Reverse(lines)
			slices.Reverse(at)
		}
		equal(t, lines, all...)
		times = append(times, "0")
		times = append(times, at...)
	}
	last := ""
	for _, at := range times {
		if at == "0" {
			last = ""
		} else if at <= last {
			t.Errorf("%s comes after %s", at, last)
		} else {
			last = at
		}
	}
}
