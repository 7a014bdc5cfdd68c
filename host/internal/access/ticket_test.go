package access

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// withTicket makes r a WebSocket handshake that brings the ticket.
func withTicket(r *http.Request, ticket string) *http.Request {
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Protocol", "livetail.v1, ticket."+ticket)
	return r
}

// ask asks for a ticket as ann.
func ask(a *Access, from, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/-/ticket", strings.NewReader(body))
	r.RemoteAddr = from
	r.SetBasicAuth("ann", "correct horse")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	a.ServeTicket(w, r)
	return w
}

// ticketFor gets ann a ticket for the log.
func ticketFor(t *testing.T, a *Access, from, log string) string {
	t.Helper()
	w := ask(a, from, fmt.Sprintf(`{"log":%q}`, log))
	var answer struct {
		Ticket, Protocol string
		ExpiresIn        int `json:"expires_in_ms"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if len(answer.Ticket) < 26 || answer.Protocol != "ticket."+answer.Ticket || answer.ExpiresIn != 30_000 {
		t.Fatalf("got %+v", answer)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be stored")
	}
	return answer.Ticket
}

// checks runs f with a clock of its own, and an Access that knows ann, who may follow /var/log.
func checks(t *testing.T, f func(t *testing.T, a *Access, file string)) {
	lines := line(t, "ann", "correct horse", "/var/log")
	synctest.Test(t, func(t *testing.T) {
		a, file := newAccess(t, lines)
		f(t, a, file)
	})
}

const appLog = "/var/log/app.log"

func TestTicket_OpensItsLogOnce(t *testing.T) {
	checks(t, func(t *testing.T, a *Access, _ string) {
		ticket := ticketFor(t, a, here, appLog)
		time.Sleep(ticketLife - time.Millisecond)
		id, err := a.Check(withTicket(request("192.0.2.1:2000"), ticket))
		if err != nil || id.Name() != "ann" || !id.MayFollow(appLog) || id.Revoked() == nil {
			t.Errorf("got %+v, %v", id, err)
		}
		if id.MayFollow("/var/log/other.log") || id.MayFollow("/var/log") {
			t.Error("it opens another log, too")
		}
		if _, err := a.Check(withTicket(request(here), ticket)); reason(err) != ReasonTicket {
			t.Errorf("the second time: %v", err)
		}
	})
}

func TestTicket_IsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		use  func(a *Access, file, ticket string) *http.Request
	}{
		{"after its time", func(_ *Access, _, ticket string) *http.Request {
			time.Sleep(ticketLife)
			return withTicket(request(here), ticket)
		}},
		{"from another address", func(_ *Access, _, ticket string) *http.Request {
			return withTicket(request(there), ticket)
		}},
		{"from an address that is only claimed", func(_ *Access, _, ticket string) *http.Request {
			r := withTicket(request(there), ticket)
			r.Header.Set("X-Forwarded-For", "192.0.2.1")
			return r
		}},
		{"when the credential is gone", func(a *Access, file, ticket string) *http.Request {
			write(t, file, line(t, "bob", "battery staple"))
			if err := a.Reload(); err != nil {
				t.Error(err)
			}
			return withTicket(request(here), ticket)
		}},
		{"when it is guessed", func(*Access, string, string) *http.Request {
			return withTicket(request(here), rand.Text())
		}},
		{"when it is empty", func(*Access, string, string) *http.Request {
			return withTicket(request(here), "")
		}},
		{"in other case", func(_ *Access, _, ticket string) *http.Request {
			return withTicket(request(here), strings.ToLower(ticket))
		}},
		{"when there are two", func(_ *Access, _, ticket string) *http.Request {
			return withTicket(request(here), ticket+", ticket."+ticket)
		}},
		{"in an over-long header", func(_ *Access, _, ticket string) *http.Request {
			return withTicket(request(here), ticket+", "+strings.Repeat("x", maxProtocols))
		}},
		{"outside of a handshake", func(_ *Access, _, ticket string) *http.Request {
			r := withTicket(request(here), ticket)
			r.Header.Del("Upgrade")
			return r
		}},
		{"in the URL", func(_ *Access, _, ticket string) *http.Request {
			r := withTicket(httptest.NewRequest(http.MethodGet, appLog+"?ticket="+ticket, nil), "")
			r.RemoteAddr = here
			return r
		}},
		{"as a bearer token", func(_ *Access, _, ticket string) *http.Request {
			return request(here, "Authorization", "Bearer "+ticket)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checks(t, func(t *testing.T, a *Access, file string) {
				r := c.use(a, file, ticketFor(t, a, here, appLog))
				_, err := a.Check(r)
				if err == nil {
					t.Fatal("it was taken")
				}
				w := httptest.NewRecorder()
				if Deny(w, err); w.Code != http.StatusUnauthorized {
					t.Errorf("got %d, want 401", w.Code)
				}
			})
		})
	}
}

func TestTicket_IsUsedUpByAnyAttempt(t *testing.T) {
	checks(t, func(t *testing.T, a *Access, _ string) {
		ticket := ticketFor(t, a, here, appLog)
		if _, err := a.Check(withTicket(request(there), ticket)); err == nil {
			t.Error("taken from another address")
		}
		if _, err := a.Check(withTicket(request(here), ticket)); err == nil {
			t.Error("taken after an attempt from another address")
		}
	})
}

func TestTicket_AMillionGuessesFindNone(t *testing.T) {
	checks(t, func(t *testing.T, a *Access, _ string) {
		ticketFor(t, a, here, appLog)
		from, now := peer(request(here)), time.Now()
		for range 1_000_000 {
			if _, ok := a.tickets.redeem(rand.Text(), from, now); ok {
				t.Fatal("a guess was right")
			}
		}
		looked := 0 // Over the front door, not even that many are looked at.
		for range 1000 {
			if _, err := a.Check(withTicket(request(here), rand.Text())); reason(err) == ReasonTicket {
				looked++
			}
		}
		if looked != attemptBurst {
			t.Errorf("%d guesses were looked at, want %d", looked, attemptBurst)
		}
	})
}

func TestServeTicket_RefusesWhatIsNotARequestForATicket(t *testing.T) {
	a, _ := newAccess(t, line(t, "ann", "correct horse", "/var/log"))
	for _, c := range []struct {
		name string
		body string
		set  func(*http.Request)
		want int
	}{
		{"by GET", `{}`, func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		{"by nobody", `{"log":"/var/log/app.log"}`, func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		{"with a wrong secret", `{"log":"/var/log/app.log"}`, func(r *http.Request) { r.SetBasicAuth("ann", "x") }, http.StatusUnauthorized},
		{"with another ticket", `{"log":"/var/log/app.log"}`, func(r *http.Request) {
			r.Header.Del("Authorization")
			withTicket(r, ticketFor(t, a, here, appLog))
		}, http.StatusUnauthorized},
		{"as a form", `log=/var/log/app.log`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		{"without a log", `{}`, nil, http.StatusBadRequest},
		{"empty", ``, nil, http.StatusBadRequest},
		{"for two logs", `{"log":"/var/log/a"}{"log":"/var/log/b"}`, nil, http.StatusBadRequest},
		{"for a log with detours", `{"log":"/var/log/../x"}`, nil, http.StatusBadRequest},
		{"for a very long name", `{"log":"/var/log/` + strings.Repeat("x", 5000) + `"}`, nil, http.StatusBadRequest},
		{"with an endless body", `{"log":"/var/log/` + strings.Repeat("x", 50_000), nil, http.StatusBadRequest},
		{"for a log outside of the roots", `{"log":"/etc/x.log"}`, nil, http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodPost, "/-/ticket", strings.NewReader(c.body))
		r.RemoteAddr = here
		r.SetBasicAuth("ann", "correct horse")
		r.Header.Set("Content-Type", "application/json")
		if c.set != nil {
			c.set(r)
		}
		w := httptest.NewRecorder()
		if a.ServeTicket(w, r); w.Code != c.want || strings.Contains(w.Body.String(), "expires") {
			t.Errorf("%s: got %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
	}
	open, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(open, here, `{"log":"/var/log/app.log"}`); w.Code != http.StatusNotFound {
		t.Errorf("where everybody may follow everything: got %d", w.Code)
	}
}

func TestTickets_AreBounded(t *testing.T) {
	checks(t, func(t *testing.T, a *Access, _ string) {
		for range maxTicketsOfCredential {
			ticketFor(t, a, here, appLog)
		}
		if w := ask(a, here, `{"log":"/var/log/app.log"}`); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("one more: got %d, %v", w.Code, w.Header())
		}
		time.Sleep(ticketLife)
		ticketFor(t, a, here, appLog)
		if k := a.tickets; len(k.byHash) != 1 || len(k.queue) != 1 || len(k.count) != 1 {
			t.Errorf("after their time, %d tickets, %d in the queue, %d credentials are kept", len(k.byHash), len(k.queue), len(k.count))
		}
		// Used ones make no room for more before their time, so that memory stays bounded whatever is done with them.
		issued := 1
		for range maxTickets {
			if text, ok := a.tickets.issue(&credential{revoked: make(chan struct{})}, appLog, peer(request(here)), time.Now()); ok {
				a.tickets.redeem(text, peer(request(here)), time.Now())
				issued++
			}
		}
		if issued != maxTickets || len(a.tickets.byHash) != 1 {
			t.Errorf("%d tickets were issued, want %d; %d are valid", issued, maxTickets, len(a.tickets.byHash))
		}
	})
}
