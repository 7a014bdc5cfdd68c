package loki

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/plugin/tail"
)

func TestTail_SocketThatTakesNoByte_IsGivenUp(t *testing.T) {
	m, web, s := newTest(t, func(o *Options) { o.Backlog = -1; o.Limits.WriteTimeout = 50 * time.Millisecond })
	dial(t, web, "query", `{job="app"}`)
	for i := range 200 {
		m.write("/var/log/app.log", noon.Add(time.Duration(i)*time.Second), strings.Repeat("x", 200<<10))
	}
	waitFor(t, "the tail to end", func() bool { return s.open() == 0 })
}

// code is the close code that ends the tail; 1006 is none.
func (c *client) code() (int, string) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			if ce, ok := errors.AsType[*websocket.CloseError](err); ok {
				return ce.Code, ce.Text
			}
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() {
				c.t.Fatal("the tail did not end")
			}
			return websocket.CloseAbnormalClosure, ""
		}
	}
}

func TestClose_LiveTail_IsCutWithoutCloseFrame(t *testing.T) {
	_, web, s := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"}`)
	c.next()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.code(); code != websocket.CloseAbnormalClosure {
		t.Errorf("close code %d", code)
	}
	if _, resp, err := try(web, "query", `{job="app"}`); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a tail after Close: %v", err)
	}
}

func TestTail_PluginGone_IsCutSoThatClientsComeBack(t *testing.T) {
	m, web, _ := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"}`)
	c.lines(5)
	m.update(func() { m.broken = tail.ErrPluginGone })
	if code, _ := c.code(); code != websocket.CloseAbnormalClosure {
		t.Errorf("close code %d", code)
	}
}

func TestTail_NotAllowedAnyMore_IsEndedWithAReason(t *testing.T) {
	m, web, _ := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"}`)
	c.lines(5)
	m.update(func() { m.logs["/var/log/app.log"].gone = tail.ErrNotAllowed })
	if code, text := c.code(); code != websocket.CloseInternalServerErr || text == "" || len(text) > maxReason {
		t.Errorf("close code %d %q", code, text)
	}
}

// somebody may follow some logs, for as long as they are let.
type somebody struct {
	prefix  string
	revoked chan struct{}
}

func (v somebody) MayFollow(log string) bool { return strings.HasPrefix(log, v.prefix) }

func (v somebody) Revoked() <-chan struct{} { return v.revoked }

func TestServe_ViewerOfSomeLogs_KnowsNoOthers(t *testing.T) {
	m, _, s := newTest(t, nil)
	s.lookInterval = 5 * time.Millisecond
	v := somebody{"/var/log/web/", make(chan struct{})}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Serve(w, r, v) }))
	defer web.Close()
	for _, c := range [][]string{
		{"query_range", "query", `{host="h1"}`}, {"query", "query", `count_over_time({host="h1"}[1h])`}, {"series"},
		{"label/filename/values"}, {"query_range", "query", `{filename="/var/log/app.log"}`},
	} {
		if code, body, _ := get(t, web, "/loki/api/v1/"+c[0], c[1:]...); code != 200 || strings.Contains(body, "app") {
			t.Errorf("%v: %d %s", c, code, body)
		}
	}
	c := dial(t, web, "query", `{host="h1"}`)
	equal(t, c.lines(2), "GET /", "")
	m.write("/var/log/app.log", noon, "secret")
	m.write("/var/log/web/other.log", noon, "seen")
	equal(t, c.lines(1), "seen")
	close(v.revoked)
	if code, _ := c.code(); code != websocket.CloseInternalServerErr {
		t.Errorf("close code %d", code)
	}
}

func TestTail_ClientText_IsIgnoredWithinALimit(t *testing.T) {
	m, web, s := newTest(t, func(o *Options) { o.Backlog = -1 })
	c := dial(t, web, "query", `{job="app"}`)
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	m.write("/var/log/app.log", noon, "six")
	equal(t, c.lines(1), "six")
	if err := c.conn.WriteMessage(websocket.TextMessage, make([]byte, 2*maxClientMessage)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the tail to end", func() bool { return s.open() == 0 })
}

func TestTail_ClientGone_EndsTheTail(t *testing.T) {
	_, web, s := newTest(t, nil)
	c := dial(t, web, "query", `{job="app"}`)
	c.next()
	c.conn.Close()
	waitFor(t, "the tail to end", func() bool { return s.open() == 0 })
}

func TestTail_TooMany_AreRefused(t *testing.T) {
	_, web, s := newTest(t, func(o *Options) { o.Limits.Tails = 1 })
	c := dial(t, web, "query", `{job="app"}`)
	_, resp, err := try(web, "query", `{job="app"}`)
	if err == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the second: %v", err)
	}
	c.conn.Close()
	waitFor(t, "the tail to end", func() bool { return s.open() == 0 })
	dial(t, web, "query", `{job="app"}`)
}

func TestTail_StrangeHeaders_AreRefused(t *testing.T) {
	_, web, _ := newTest(t, nil)
	u := "ws" + strings.TrimPrefix(web.URL, "http") + "/loki/api/v1/tail?query=" + url.QueryEscape(`{job="app"}`)
	for name, c := range map[string]struct {
		header http.Header
		code   int
	}{
		"another site": {http.Header{"Origin": {"https://evil.example"}}, 403},
		"two tenants":  {http.Header{"X-Scope-OrgID": {"a|b"}}, 400},
	} {
		_, resp, err := websocket.DefaultDialer.Dial(u, c.header)
		if err == nil || resp.StatusCode != c.code {
			t.Errorf("%s: %v %v", name, err, resp)
		}
	}
}

func TestReason_LongText_FitsIntoACloseFrame(t *testing.T) {
	if got := reason(strings.Repeat("你", 100)); len(got) != 123 {
		t.Errorf("%d bytes", len(got))
	}
	if got := reason("x" + strings.Repeat("你", 100)); len(got) != 121 || !strings.HasSuffix(got, "你") {
		t.Errorf("%d bytes", len(got))
	}
}
