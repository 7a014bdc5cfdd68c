package httpd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/limit"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/host/web"
	"github.com/livetail/livetail/plugin/tail"
)

func TestText_TheLastLines(t *testing.T) {
	s := newStand(t, Options{})
	s.log.Append("<b> \x1b[31mred\x1b[0m")
	status, h, body := s.get(logName + "?lines=2")
	if status != http.StatusOK || body != "three\n<b> red\n" {
		t.Errorf("got %d %q", status, body)
	}
	for name, want := range map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if status, h, body := s.get(logName + "?lines=1&format=html"); status != http.StatusOK || !strings.Contains(body, "&lt;b&gt; <span") || h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("html: got %d %q as %s", status, body, h.Get("Content-Type"))
	}
	eventually(t, "both ends are observed", func() bool { return strings.Join(s.seen(&s.closed), ",") == "text done,text done" })
}

func TestText_Tail_GoesOnUntilThePeerLeaves(t *testing.T) {
	s := newStand(t, Options{})
	r := s.raw(http.MethodGet, logName+"?tail=1&lines=1", "localhost")
	in := bufio.NewReader(r.Body)
	for _, want := range []string{"three\n", "four\n", "five\n"} {
		if got, err := in.ReadString('\n'); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		switch want {
		case "three\n":
			s.log.Append("four")
		case "four\n":
			s.log.Append("five")
		}
	}
	if s.limitsOpen() != 1 {
		t.Errorf("%d sessions are counted", s.limitsOpen())
	}
}

func (s *stand) limitsOpen() int { return s.server.limits.Open() }

func TestText_TailOfASilentLog_IsAnsweredAtOnce(t *testing.T) {
	s := newStand(t, Options{Patience: time.Hour}) // Or else the answer would come when that is over.
	s.fake.AddLog("/var/log/empty.log")
	if r := s.raw(http.MethodGet, "/var/log/empty.log?tail=1", "localhost"); r.StatusCode != http.StatusOK {
		t.Errorf("got %s", r.Status)
	}
}

func TestText_WaitForALogThatDoesNotExist_BeginsWhenItDoes(t *testing.T) {
	s := newStand(t, Options{})
	r := s.raw(http.MethodGet, "/var/log/later.log?tail=1&wait=1", "localhost")
	if r.StatusCode != http.StatusOK {
		t.Fatalf("got %s", r.Status)
	}
	s.fake.AddLog("/var/log/later.log", "at last")
	if got, err := bufio.NewReader(r.Body).ReadString('\n'); err != nil || got != "at last\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestText_ErrorInTheMiddle_BreaksTheAnswerOff(t *testing.T) {
	s := newStand(t, Options{})
	r := s.raw(http.MethodGet, logName+"?tail=1&lines=1", "localhost")
	in := bufio.NewReader(r.Body)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	unreadable := tail.ErrUnreadable
	s.fail.Store(&unreadable) // First, or else a call that is made anew at once finds the log readable.
	s.log.Fail(tail.ErrUnreadable)
	rest, err := io.ReadAll(in)
	if err == nil || !strings.Contains(string(rest), wire.CloseUnread.Meaning) {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestText_Refusals(t *testing.T) {
	s := newStand(t, Options{})
	for target, want := range map[string]int{
		"/srv/secret/there.log": 403, "/srv/secret/missing.log": 403, "/srv/secret": 403, "/var/log/missing.log": 404, "/var/log": 404, logName + "?lines=x": 400, "/a%00b": 400, "/a/%2e%2e/b": 403,
		"/a/../b": 403, "/..%2fetc/passwd": 403, "/%ff": 400, "/%252e%252e/etc/passwd": 404, "/" + strings.Repeat("x", 5000): 400, logName + "?tail=%zz": 400, "/%zz": 400,
		"/" + strings.Repeat("a/", 300): 404, logName + "?from=gone.5": 410,
	} {
		if status, _, body := s.get(target); status != want || body == "" {
			t.Errorf("%.60s: got %d %q, want %d", target, status, body, want)
		}
		if r := s.raw(http.MethodHead, target, "localhost"); r.StatusCode != want && !strings.Contains(target, "from=") {
			t.Errorf("HEAD %.60s: got %d, want %d", target, r.StatusCode, want)
		}
	}
	if r := s.raw(http.MethodHead, logName, "localhost"); r.StatusCode != http.StatusOK {
		t.Errorf("HEAD of a log: %s", r.Status)
	}
	if r := s.raw(http.MethodPost, logName, "localhost"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s", r.Status)
	}
}

func TestForbidden_LooksTheSameWhetherOrNotItExists(t *testing.T) {
	s := newStand(t, Options{})
	for _, query := range []string{"", "?tail=1", "?lines=0", "?tail=1&wait=1", "?download=1", "?from=beginning"} {
		for _, header := range [][]string{nil, {"Accept: text/html"}} {
			a, ha, ta := s.get("/srv/secret/there.log"+query, header...)
			b, hb, tb := s.get("/srv/secret/missing.log"+query, header...)
			ha.Del("Date")
			hb.Del("Date")
			if a != b || ta != tb || fmt.Sprint(ha) != fmt.Sprint(hb) {
				t.Errorf("%s %v: got %d %v %q and %d %v %q", query, header, a, ha, ta, b, hb, tb)
			}
		}
		for _, protocol := range []string{"", wire.Subprotocol} {
			// The name is what the peer has sent; the rest has to be equal.
			a := strings.ReplaceAll(cutSession(all(s.dial("/srv/secret/there.log"+query, protocol))), "there", "X")
			b := strings.ReplaceAll(cutSession(all(s.dial("/srv/secret/missing.log"+query, protocol))), "missing", "X")
			if a != b || !strings.Contains(a, "Forbidden") && !strings.Contains(a, "not_allowed") {
				t.Errorf("%s %s: got %q and %q", query, protocol, a, b)
			}
		}
	}
	if _, _, list := s.get("/-/logs"); strings.Contains(list, "secret") {
		t.Errorf("the list tells: %s", list)
	}
}

// cutSession takes the name of the session out of a hello.
func cutSession(text string) string {
	before, after, ok := strings.Cut(text, `"session":"`)
	if !ok {
		return text
	}
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}

func TestWebSocket_Plain(t *testing.T) {
	s := newStand(t, Options{})
	for target, want := range map[string]string{
		logName:                    "one\ntwo\nthree\n",
		logName + "?lines=1":       "three\n",
		logName + "?lines=no":      `<font color="red"><strong>Fail to parse URL</strong></font>`,
		"/var/../log":              `<font color="red"><strong>Forbidden</strong></font>`,
		"/srv/secret/x":            `<font color="red"><strong>Forbidden</strong></font>`,
		"/var/log/missing.log":     `<font color="red"><strong>Not found</strong></font>`,
		"/var/log":                 `<font color="red"><strong>Not found</strong></font>`,
		logName + "?include=t[hw]": "two\nthree\n",
	} {
		if got := all(s.dial(target)); got != want {
			t.Errorf("%s: got %q", target, got)
		}
	}
}

func TestWebSocket_V1_SaysWhatTheTailerCan(t *testing.T) {
	s := newStand(t, Options{HeartbeatInterval: 3 * time.Second, HeartbeatTimeout: time.Second})
	got := all(s.dial(logName+"?lines=1", wire.Subprotocol))
	info, _ := s.fake.Info(t.Context())
	caps, _ := json.Marshal(info.Capabilities)
	for _, want := range []string{`"server":"livetail test"`, `"capabilities":` + string(caps), `"interval_ms":3000,"timeout_ms":1000`, `"text":"three\n"`, `{"t":"bye","reason":"done","reconnect":false`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if got := all(s.dial(logName+"?lines=no", wire.Subprotocol)); !strings.Contains(got, `"code":"bad_request","message":"lines must be a whole number`) {
		t.Errorf("got %s", got)
	}
}

func TestPage_ForBrowsers(t *testing.T) {
	s := newStand(t, Options{})
	for _, target := range []string{"/", logName, "/srv/secret/there.log"} {
		status, h, body := s.get(target, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
		if status != 200 || !strings.Contains(body, `<base href="/">`) || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%s: %d %.100s", target, status, body)
		}
		if h.Get("Content-Security-Policy") != web.ContentSecurityPolicy || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: header %v", target, h)
		}
		if status, _, body := s.get(target, "Accept: text/html", "If-None-Match: "+h.Get("ETag")); status != http.StatusNotModified || body != "" {
			t.Errorf("%s again: %d", target, status)
		}
	}
	for _, accept := range []string{"*/*", "text/plain", "text/html;q=0", "text/htmlx", ""} {
		if _, h, _ := s.get(logName, "Accept: "+accept); strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("a page for %q", accept)
		}
	}
}

func TestPage_EveryAssetItNames_IsThere(t *testing.T) {
	s := newStand(t, Options{BasePath: "/tools/logs"})
	_, _, body := s.get("/tools/logs/", "Accept: text/html")
	if !strings.Contains(body, `<base href="/tools/logs/">`) {
		t.Fatalf("got %s", body)
	}
	n := 0
	for part := range strings.SplitSeq(body, `"`) {
		name, ok := strings.CutPrefix(part, "-/assets/")
		if !ok {
			continue
		}
		n++
		for _, coding := range []string{"", "gzip", "br"} {
			status, h, data := s.get("/tools/logs/-/assets/"+name, "Accept-Encoding: "+coding)
			if status != 200 || data == "" || h.Get("Content-Type") == "" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
				t.Errorf("%s as %q: %d %v", name, coding, status, h)
			}
			if got := h.Get("Content-Encoding"); got != "" && got != coding {
				t.Errorf("%s as %q: got %q", name, coding, got)
			}
		}
	}
	if n < 2 {
		t.Errorf("the page names %d assets: %s", n, body)
	}
}

func TestBasePath_IsTakenOffAndNothingIsBesideIt(t *testing.T) {
	s := newStand(t, Options{BasePath: "/logs"})
	if status, _, body := s.get("/logs" + logName + "?lines=1"); status != 200 || body != "three\n" {
		t.Errorf("below: %d %q", status, body)
	}
	if got := all(s.dial("/logs" + logName + "?lines=1")); got != "three\n" {
		t.Errorf("WebSocket below: %q", got)
	}
	for _, target := range []string{logName, "/", "/-/healthz", "/logsx/", "/logs-/healthz"} {
		if status, _, _ := s.get(target); status != 404 {
			t.Errorf("%s: %d", target, status)
		}
	}
	if status, h, _ := s.get("/logs"); status != http.StatusPermanentRedirect || h.Get("Location") != "/logs/" {
		t.Errorf("without slash: %d %v", status, h)
	}
}

func TestOwn_Routes(t *testing.T) {
	notReady := errors.New("the plugin is down")
	s := newStand(t, Options{Ready: func() error { return notReady }})
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"/-/healthz":                            {200, "ok\n"},
		"/-/readyz":                             {503, "the plugin is down\n"},
		"/-/":                                   {404, ""},
		"/-":                                    {404, ""},
		"/-/secret":                             {404, ""},
		"/-/assets/":                            {404, ""},
		"/-/assets/../x":                        {404, ""},
		"/-/assets/%2e%2e":                      {404, ""},
		"/-/ticket":                             {404, ""},
		"/-/logs?limit=0":                       {400, "limit must be a whole number from 1 to 10000.\n"},
		"/-/logs?prefix=x":                      {400, ""},
		"/-/logs?q=" + strings.Repeat("x", 257): {400, ""},
	} {
		status, _, body := s.get(target)
		if status != want.status || want.body != "" && body != want.body {
			t.Errorf("%s: got %d %q", target, status, body)
		}
	}
	if r := s.raw(http.MethodPost, "/-/logs", "localhost"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", r.Status)
	}
}

func TestLogs_NameThatWouldSpeakToATerminal_IsNotListed(t *testing.T) {
	s := newStand(t, Options{})
	s.fake.AddLog("/srv/odd/\x1b]0;title\a.log", "x")
	s.fake.AddLog("/srv/odd/two\nlines.log", "x")
	for _, target := range []string{"/", "/-/logs"} {
		if _, _, body := s.get(target); strings.Contains(body, "/srv/odd") || !strings.Contains(body, logName) {
			t.Errorf("%s lists %q", target, body)
		}
	}
}

func TestLogs_ListSearchAndLimit(t *testing.T) {
	s := newStand(t, Options{})
	for i := range 5 {
		s.fake.AddLog(fmt.Sprintf("/srv/many/%d-Worker.log", i), "x")
	}
	ask := func(query string) listing {
		t.Helper()
		status, h, body := s.get("/-/logs" + query)
		if status != 200 || h.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s", query, status, body)
		}
		var l listing
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := ask(""); len(l.Logs) != 6 || l.Truncated || l.Logs[5].Log != logName || l.Logs[5].Size != 14 || l.Logs[5].Generations != 1 {
		t.Errorf("got %+v", l)
	}
	if l := ask("?prefix=/srv/many&limit=3"); len(l.Logs) != 3 || !l.Truncated {
		t.Errorf("got %+v", l)
	}
	if l := ask("?q=WORKER+3"); len(l.Logs) != 1 || l.Logs[0].Log != "/srv/many/3-Worker.log" {
		t.Errorf("got %+v", l)
	}
	if _, _, body := s.get("/-/logs?q=nothing"); body != "{\"logs\":[],\"truncated\":false}\n" {
		t.Errorf("got %s", body)
	}
	if _, _, body := s.get("/"); !strings.HasSuffix(body, "/srv/many/4-Worker.log\n"+logName+"\n") {
		t.Errorf("as text: %q", body)
	}
}

func TestDownload_IsTheWholeLogAsAFile(t *testing.T) {
	s := newStand(t, Options{Lines: 1})
	s.fake.AddLog("/var/log/odd \"name\"你.log", "a", "b")
	status, h, body := s.get("/var/log/odd%20%22name%22%E4%BD%A0.log?download=1", "Accept: text/html")
	if status != 200 || body != "a\nb\n" || h.Get("Content-Disposition") != "attachment; filename*=UTF-8''odd%20%22name%22%E4%BD%A0.log" {
		t.Errorf("got %d %q %v", status, body, h)
	}
}

func TestLimits_OneTooMany_IsRefusedAndTheOthersGoOn(t *testing.T) {
	s := newStand(t, Options{Limits: limit.Options{Total: 2}})
	a, b := s.dial(logName+"?tail=1"), s.raw(http.MethodGet, logName+"?tail=1&lines=0", "localhost")
	a.ReadMessage()
	for _, header := range [][]string{{}, {handshake}} {
		r := s.raw(http.MethodGet, logName+"?tail=1", "localhost", header...)
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("%v: %s %v", header, r.Status, r.Header)
		}
	}
	s.log.Append("four")
	if _, got, err := a.ReadMessage(); err != nil || string(got) != "four\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := bufio.NewReader(b.Body).ReadString('\n'); err != nil || got != "four\n" {
		t.Errorf("got %q, %v", got, err)
	}
	a.Close()
	eventually(t, "there is room again", func() bool { return s.limitsOpen() == 1 })
	if got := all(s.dial(logName + "?lines=1")); got != "four\n" {
		t.Errorf("got %q", got)
	}
	if got := s.seen(&s.refused); strings.Join(got, ",") != "limit total,limit total" {
		t.Errorf("observed %v", got)
	}
}

func TestAccess_CredentialsSayWhoMayFollowWhat(t *testing.T) {
	token, line, err := access.NewToken("ann", "/var/log")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t, Options{Access: a})
	s.fake.AddLog("/srv/other.log", "x")
	auth := "Authorization: Bearer " + token
	for _, c := range []struct {
		target, header string
		want           int
	}{
		{logName, "X: y", 401}, {logName, auth, 200}, {"/srv/other.log", auth, 403}, {"/-/logs", "X: y", 401}, {"/", "Accept: text/html", 401}, {"/-/assets/x", "X: y", 401},
		{"/-/healthz", "X: y", 200}, {"/-/readyz", "X: y", 200},
	} {
		if status, _, _ := s.get(c.target, c.header); status != c.want {
			t.Errorf("%s with %.20s: %d, want %d", c.target, c.header, status, c.want)
		}
	}
	if _, _, list := s.get("/-/logs", auth); strings.Contains(list, "/srv/other.log") || !strings.Contains(list, logName) {
		t.Errorf("the list: %s", list)
	}
	r := s.raw(http.MethodGet, logName+"?tail=1&lines=1", "localhost", auth)
	in := bufio.NewReader(r.Body)
	if got, err := in.ReadString('\n'); err != nil || got != "three\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	_, other, err := access.NewToken("bob")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after the credentials were revoked: %q, %v", rest, err)
	}
	eventually(t, "the end is observed", func() bool { return strings.HasSuffix(strings.Join(s.seen(&s.closed), ","), "text revoked") })
}

func TestDrain_EndsStreamsAndRefusesNewOnes(t *testing.T) {
	s := newStand(t, Options{})
	r := s.raw(http.MethodGet, logName+"?tail=1&lines=1", "localhost")
	in := bufio.NewReader(r.Body)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := s.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := in.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	for _, header := range []string{"X: y", handshake} {
		if r := s.raw(http.MethodGet, logName, "localhost", header); r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a new one: %s", r.Status)
		}
	}
	if status, _, _ := s.get("/-/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", status)
	}
	if status, _, _ := s.get("/-/healthz"); status != http.StatusOK {
		t.Errorf("healthy: %d", status)
	}
}

func TestText_PeerThatTakesNothing_IsLetGo(t *testing.T) {
	s := newStand(t, Options{Stall: time.Second})
	s.raw(http.MethodGet, logName+"?tail=1", "localhost")
	line := strings.Repeat("x", 60_000)
	for range 150 {
		s.log.Append(line)
	}
	eventually(t, "it is let go", func() bool { return len(s.seen(&s.closed)) == 1 })
	if got := s.seen(&s.closed); got[0] != "text slow" {
		t.Errorf("got %v", got)
	}
}

func TestSlowLoris_DoesNotKeepOthersOut(t *testing.T) {
	s := newStand(t, Options{})
	median := func() time.Duration {
		var all []time.Duration
		for range 15 {
			start := time.Now()
			if status, _, _ := s.get("/-/healthz"); status != http.StatusOK {
				t.Errorf("got %d", status)
			}
			all = append(all, time.Since(start))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	alone := median()
	n := 2000
	if files := (syscall.Rlimit{}); syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		n = min(n, int(min(files.Cur, 1<<20)/2)-100) // Both ends are here.
	}
	var slow []net.Conn
	for range n {
		c, err := net.Dial("tcp", s.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: local")
		slow = append(slow, c)
	}
	drip := time.NewTicker(time.Second)
	defer drip.Stop()
	var dripping sync.WaitGroup
	over := make(chan struct{})
	defer dripping.Wait()
	defer close(over)
	dripping.Go(func() { // Ends with over.
		for {
			for _, c := range slow {
				_, _ = c.Write([]byte("x")) // They are cut while this goes on.
			}
			select {
			case <-drip.C:
			case <-over:
				return
			}
		}
	})
	beside := median()
	t.Logf("a new peer is served after %v, beside %d that send a byte a second after %v", alone, n, beside)
	if beside > max(100*time.Millisecond, 20*alone) {
		t.Errorf("they hold up others")
	}
	for _, c := range slow {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) { // Cut in any way will do.
			t.Fatalf("not closed: %v", err)
		}
	}
}
