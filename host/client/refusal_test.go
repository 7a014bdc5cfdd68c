package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

func TestFollow_FirstConnectionFails_OneAttemptOrAsManyAsAsked(t *testing.T) {
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		http.Error(w, "Full.", http.StatusServiceUnavailable)
	}))
	defer s.Close()
	if _, err := collect(t, s.URL+"/app.log", client.Options{}, 1); err == nil || requests != 1 || !strings.Contains(err.Error(), "Full.") {
		t.Errorf("%d requests, %v", requests, err)
	}
	if _, err := collect(t, s.URL+"/app.log", client.Options{Attempts: 3}, 1); err == nil || requests != 4 {
		t.Errorf("%d requests, %v", requests, err)
	}
	for status, want := range map[int]error{401: client.ErrUnauthorized, 403: tail.ErrNotAllowed, 404: tail.ErrNotFound, 400: tail.ErrBadRequest} {
		n := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { n++; w.WriteHeader(status) }))
		if _, err := collect(t, s.URL+"/app.log", client.Options{Attempts: 5}, 1); !errors.Is(err, want) || n != 1 {
			t.Errorf("status %d: %d requests, %v", status, n, err)
		}
		s.Close()
	}
}

func TestFollow_Nonsense_IsRefusedBeforeConnecting(t *testing.T) {
	for _, u := range []string{"", "app.log", "ftp://h/x", "ws:///x", "ws://h", "ws://h/", "ws://h/" + strings.Repeat("a", 20_000)} {
		if _, err := client.New(u, client.Options{}); err == nil {
			t.Errorf("%.40q is accepted", u)
		}
	}
	for _, o := range []client.Options{
		{Start: tail.StartAtLastLines(-1)}, {Attempts: -1}, {Filter: tail.Filter{Include: []string{"("}}},
	} {
		if _, err := client.New("ws://h/x", o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestFollow_ServerTalksRubbish_IsAClearError(t *testing.T) {
	for name, script := range map[string]func(*peer){
		"no JSON":      func(p *peer) { p.say("hello") },
		"no type":      func(p *peer) { p.say("{}") },
		"bad position": func(p *peer) { p.say(`{"t":"caught_up","at":"x"}`) },
		"binary":       func(p *peer) { _ = p.WriteMessage(websocket.BinaryMessage, []byte("{}")) },
	} {
		u := server(t, func(p *peer) { script(p); p.stay() })
		if _, err := collect(t, u, client.Options{}, 1); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err == nil {
			ws.Close()
		}
	}))
	defer echo.Close()
	if _, err := collect(t, echo.URL+"/x", client.Options{}, 1); err == nil || !strings.Contains(err.Error(), "livetail.v1") {
		t.Errorf("got %v", err)
	}
}

func TestFollowPlain_AnswersPingsAndYieldsContent(t *testing.T) {
	u := server(t, func(p *peer) {
		if p.Subprotocol() != "" || p.query.Get("tail") != "1" {
			t.Errorf("subprotocol %q, query %v", p.Subprotocol(), p.query)
		}
		p.say("<b>one</b>\n")
		p.say("ping")
		if _, b, err := p.ReadMessage(); string(b) != "pong" {
			t.Errorf("answer %q, %v", b, err)
		}
		p.say("two\n")
		p.bye(1000)
	})
	var got strings.Builder
	for b, err := range client.FollowPlain(t.Context(), u, client.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		got.Write(b)
	}
	if got.String() != "<b>one</b>\ntwo\n" {
		t.Errorf("got %q", got.String())
	}
	u = server(t, func(p *peer) {
		p.say(`<font color="red"><strong>Forbidden</strong></font>`)
		p.bye(1000)
	})
	for b, err := range client.FollowPlain(t.Context(), u, client.Options{}) {
		if !errors.Is(err, client.ErrRefused) || !strings.Contains(err.Error(), "Forbidden") {
			t.Errorf("got %q, %v", b, err)
		}
	}
}

func TestFollowText_YieldsTheBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.Error(w, "Not found", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "one\ntwo\n")
	}))
	defer s.Close()
	var got strings.Builder
	for b, err := range client.FollowText(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/app.log", client.Options{Once: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got.Write(b)
	}
	if got.String() != "one\ntwo\n" {
		t.Errorf("got %q", got.String())
	}
	for _, err := range client.FollowText(t.Context(), s.URL+"/gone", client.Options{}) {
		if !errors.Is(err, tail.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
}
