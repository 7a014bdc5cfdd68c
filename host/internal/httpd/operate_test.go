package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/plugin/tail"
)

// credentials makes a file with these names, each allowed these roots (all, if there are none), and returns the Access for it and the
// tokens.
func credentials(t *testing.T, names map[string][]string) (*access.Access, map[string]string) {
	t.Helper()
	tokens := map[string]string{}
	var lines []string
	for name, roots := range names {
		tokens[name] = name + ".a-secret-of-some-length"
		// The cheapest hash, because this is not about hashes.
		hash, err := bcrypt.GenerateFromPassword([]byte(tokens[name]), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		line := name + ":" + string(hash)
		if len(roots) > 0 {
			line += ":" + strings.Join(roots, ",")
		}
		lines = append(lines, line)
	}
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return a, tokens
}

func TestSwap_WhoMayAndHow(t *testing.T) {
	a, tokens := credentials(t, map[string][]string{"olga": nil, "vera": nil})
	var asked []string
	fails := error(nil)
	s := newStand(t, Options{Access: a, Operators: []string{"olga"}, Restart: func(_ context.Context, prefix string) error {
		asked = append(asked, prefix)
		return fails
	}})
	const json = "application/json"
	for _, c := range []struct {
		name, method, token, kind, body string
		header                          []string
		restart                         error
		want                            int
	}{
		{"an operator", "POST", "olga", json, `{"prefix": "/"}`, nil, nil, 200},
		{"a charset", "POST", "olga", json + "; charset=utf-8", `{"prefix": "/"}`, nil, nil, 200},
		{"our own page", "POST", "olga", json, `{"prefix": "/"}`, []string{"Origin: OURS", "Sec-Fetch-Site: same-origin"}, nil, 200},
		{"a new one that does not start", "POST", "olga", json, `{"prefix": "/"}`, nil, errors.New("exec:\nno such file"), 502},
		{"a tailer that is no plugin", "POST", "olga", json, `{"prefix": "/"}`, nil, tail.ErrNotFound, 404},
		{"nobody", "POST", "", json, `{"prefix": "/"}`, nil, nil, 401},
		{"a viewer", "POST", "vera", json, `{"prefix": "/"}`, nil, nil, 403},
		{"by GET", "GET", "olga", json, "", nil, nil, 405},
		{"a form of another site", "POST", "olga", "text/plain", `{"prefix": "/"}`, nil, nil, 415},
		{"no type", "POST", "olga", "", `{"prefix": "/"}`, nil, nil, 415},
		{"another origin", "POST", "olga", json, `{"prefix": "/"}`, []string{"Origin: https://evil.test"}, nil, 403},
		{"another site without an origin", "POST", "olga", json, `{"prefix": "/"}`, []string{"Sec-Fetch-Site: cross-site"}, nil, 403},
		{"nothing", "POST", "olga", json, ``, nil, nil, 400},
		{"no prefix", "POST", "olga", json, `{}`, nil, nil, 400},
		{"another key", "POST", "olga", json, `{"prefix": "/", "path": "/bin/sh"}`, nil, nil, 400},
		{"two values", "POST", "olga", json, `{"prefix": "/"}{}`, nil, nil, 400},
		{"too much", "POST", "olga", json, `{"prefix": "/` + strings.Repeat("a", 64<<10) + `"}`, nil, nil, 400},
		{"no mount", "POST", "olga", json, `{"prefix": "/docker"}`, nil, nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, fails = nil, c.restart
			r, err := http.NewRequestWithContext(t.Context(), c.method, s.http.URL+"/-/plugins/swap", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+tokens[c.token])
			}
			for _, h := range c.header {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, strings.ReplaceAll(value, "OURS", s.http.URL))
			}
			resp, err := s.http.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.want || strings.Count(string(body), "\n") != 1 {
				t.Errorf("got %s %q, want %d", resp.Status, body, c.want)
			}
			if (len(asked) > 0) != (c.want == 200 || c.restart != nil) {
				t.Errorf("restarted %q", asked)
			}
		})
	}
}

func TestSwap_WhileOneIsUnderWay_IsRefused(t *testing.T) {
	a, tokens := credentials(t, map[string][]string{"olga": nil})
	began, finish := make(chan struct{}), make(chan struct{})
	s := newStand(t, Options{Access: a, Operators: []string{"olga"}, Restart: func(context.Context, string) error {
		close(began)
		<-finish
		return nil
	}})
	ask := func() int {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/-/plugins/swap", strings.NewReader(`{"prefix":"/"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokens["olga"])
		resp, err := s.http.Client().Do(r)
		if err != nil {
			t.Error(err)
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	first := make(chan int)
	go func() { first <- ask() }() // Ends when finish is closed.
	<-began
	if got := ask(); got != http.StatusConflict {
		t.Errorf("the second got %d", got)
	}
	close(finish)
	if got := <-first; got != http.StatusOK {
		t.Errorf("the first got %d", got)
	}
}

func TestSwap_NobodyHasToProveWhoTheyAre_NobodyMay(t *testing.T) {
	s := newStand(t, Options{Restart: func(context.Context, string) error { t.Error("restarted"); return nil }})
	resp, err := s.http.Client().Post(s.http.URL+"/-/plugins/swap", "application/json", strings.NewReader(`{"prefix":"/"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %s", resp.Status)
	}
}

func TestSwap_WithATicketOfAnOperator_IsRefused(t *testing.T) {
	a, tokens := credentials(t, map[string][]string{"olga": nil})
	s := newStand(t, Options{Access: a, Operators: []string{"olga"}, Restart: func(context.Context, string) error { t.Error("restarted"); return nil }})
	ask := func(target, body string, header ...string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := s.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	_, answer := ask("/-/ticket", `{"log":"/var/log/app.log"}`, "Authorization", "Bearer "+tokens["olga"])
	_, after, _ := strings.Cut(answer, `"protocol":"`)
	ticket, _, ok := strings.Cut(after, `"`)
	if !ok {
		t.Fatalf("got no ticket: %s", answer)
	}
	if status, _ := ask("/-/plugins/swap", `{"prefix":"/"}`, "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Protocol", ticket); status != http.StatusForbidden {
		t.Errorf("got %d", status)
	}
}

func TestReadyz_CredentialsAreAskedFor_SaysNothingOfTheInside(t *testing.T) {
	a, _ := credentials(t, map[string][]string{"olga": nil})
	for _, c := range []struct {
		access *access.Access
		says   bool
	}{{nil, true}, {a, false}} {
		s := newStand(t, Options{Access: c.access, Ready: func() error { return errors.New("plugin /opt/x\ndoes not exist") }})
		status, _, body := s.get("/-/readyz")
		if status != http.StatusServiceUnavailable || strings.Contains(body, "/opt/x") != c.says || strings.Count(body, "\n") != 1 {
			t.Errorf("got %d %q", status, body)
		}
	}
}

func TestBody_AnnouncedAndNotSent_DoesNotKeepTheConnection(t *testing.T) {
	s := newStand(t, Options{Stall: 200 * time.Millisecond})
	for _, announced := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		for _, target := range []string{"/-/plugins/swap", "/-/ticket", "/-/healthz", logName} {
			c, err := net.Dial("tcp", s.http.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", target, announced)
			c.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("%s with %s: %v", target, announced, err)
			}
			c.Close()
		}
	}
}
