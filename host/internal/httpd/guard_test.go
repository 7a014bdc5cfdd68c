package httpd

import (
	"net/http"
	"testing"

	"github.com/livetail/livetail/host/internal/access"
)

// routes are one of each kind: what is not ours is refused on all of them.
var routes = []string{"/", logName, logName + "?tail=1", "/-/logs", "/-/info", "/-/healthz", "/-/readyz", "/-/ticket", "/-/assets/x.js", "/-/nothing", "/loki/api/v1/labels"}

func TestHost_OfSomebodyElse_IsRefusedOnEveryRoute(t *testing.T) {
	s := newStand(t, Options{AllowedHosts: []string{"Logs.example.org", "other.example.org:8443"}})
	for _, host := range []string{
		"evil.test", "evil.test:8765", "localhost.evil.test", "localhost.", "localhost:0", "localhost:99999", "localhost:x", "local host", "",
		"user@localhost", "127.0.0.1.evil.test", "[::1", "::1]", "[localhost]", "logs.example.org.", "sub.logs.example.org", "other.example.org", "other.example.org:80",
	} {
		for _, route := range routes {
			for _, more := range [][]string{nil, {"Origin: http://" + host}, {"Accept: text/html"}} {
				r := s.raw(http.MethodGet, route, host, more...)
				if r.StatusCode != http.StatusForbidden && r.StatusCode != http.StatusBadRequest { // what is no host at all
					t.Fatalf("host %q, %s, %v: %s", host, route, more, r.Status)
				}
			}
			if r := s.raw(http.MethodGet, route, host, handshake); r.StatusCode != http.StatusForbidden && r.StatusCode != http.StatusBadRequest {
				t.Fatalf("host %q, %s over WebSocket: %s", host, route, r.Status)
			}
		}
	}
	for _, host := range []string{
		"localhost", "LOCALHOST:8765", "a.localhost", "127.0.0.1", "127.8.9.10:1", "[::1]", "[::1]:8765", "192.168.1.5:8765", "logs.example.org", "LOGS.example.org:443",
		"other.example.org:8443",
	} {
		if r := s.raw(http.MethodGet, "/-/healthz", host); r.StatusCode != http.StatusOK {
			t.Errorf("host %q: %s", host, r.Status)
		}
	}
}

func TestOrigin_OnlyOurOwn(t *testing.T) {
	s := newStand(t, Options{AllowedOrigins: []string{"https://grafana.example.org", "http://dev.test:3000"}})
	const host = "localhost:8765"
	for _, c := range []struct {
		name    string
		origins []string
		ok      bool
	}{
		{"none", nil, true},
		{"same", []string{"http://localhost:8765"}, true},
		{"upper case", []string{"HTTP://LOCALHOST:8765"}, true},
		{"other host", []string{"http://evil.test:8765"}, false},
		{"other loopback name", []string{"http://127.0.0.1:8765"}, false},
		{"other port", []string{"http://localhost:8766"}, false},
		{"no port", []string{"http://localhost"}, false},
		{"null", []string{"null"}, false},
		{"empty", []string{""}, false},
		{"https to http", []string{"https://localhost:8765"}, false},
		{"other scheme", []string{"file://localhost:8765"}, false},
		{"user", []string{"http://user@localhost:8765"}, false},
		{"trailing dot", []string{"http://localhost.:8765"}, false},
		{"path", []string{"http://localhost:8765/"}, false},
		{"two", []string{"http://localhost:8765", "http://localhost:8765"}, false},
		{"two in one", []string{"http://localhost:8765, http://evil.test"}, false},
		{"configured", []string{"https://grafana.example.org"}, true},
		{"configured with its port", []string{"https://grafana.example.org:443"}, true},
		{"configured by another scheme", []string{"http://grafana.example.org"}, false},
		{"below configured", []string{"https://x.grafana.example.org"}, false},
		{"configured with port", []string{"http://dev.test:3000"}, true},
	} {
		var header []string
		for _, o := range c.origins {
			header = append(header, "Origin: "+o)
		}
		for _, route := range []string{"/-/healthz", "/", logName} {
			r := s.raw(http.MethodGet, route, host, header...)
			if got := r.StatusCode != http.StatusForbidden; got != c.ok {
				t.Errorf("%s, %s: %s", c.name, route, r.Status)
			}
		}
		r := s.raw(http.MethodGet, logName, host, append(header, handshake)...)
		if got := r.StatusCode == http.StatusSwitchingProtocols; got != c.ok {
			t.Errorf("%s over WebSocket: %s", c.name, r.Status)
		}
	}
}

func TestOrigin_DefaultPorts_AreTheSame(t *testing.T) {
	s := newStand(t, Options{})
	for _, c := range []struct{ host, origin string }{{"localhost", "http://localhost:80"}, {"localhost:80", "http://localhost"}, {"[::1]", "http://[::1]:80"}} {
		if r := s.raw(http.MethodGet, "/-/healthz", c.host, "Origin: "+c.origin); r.StatusCode != http.StatusOK {
			t.Errorf("%v: %s", c, r.Status)
		}
	}
}

func TestOrigin_BehindATrustedProxy_IsThatOfTheClient(t *testing.T) {
	proxies, err := access.NewProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t, Options{AllowedHosts: []string{"logs.example.org"}, Proxies: proxies})
	r := s.raw(http.MethodGet, "/-/healthz", "internal:8765", "X-Forwarded-Host: logs.example.org", "X-Forwarded-Proto: https", "Origin: https://logs.example.org")
	if r.StatusCode != http.StatusOK {
		t.Errorf("our origin: %s", r.Status)
	}
	r = s.raw(http.MethodGet, "/-/healthz", "localhost", "X-Forwarded-Host: evil.test")
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("another host: %s", r.Status)
	}
}

func TestForwardedHost_WithoutTrust_CountsForNothing(t *testing.T) {
	s := newStand(t, Options{AllowedHosts: []string{"logs.example.org"}})
	if r := s.raw(http.MethodGet, "/-/healthz", "evil.test", "X-Forwarded-Host: logs.example.org"); r.StatusCode != http.StatusForbidden {
		t.Errorf("got %s", r.Status)
	}
}

func TestFetchFromAnotherSite_OnlyFollowingALinkIsAllowed(t *testing.T) {
	s := newStand(t, Options{})
	image := []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}
	if status, _, _ := s.get(logName, image...); status != http.StatusForbidden {
		t.Errorf("an image: %d", status)
	}
	link := []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"}
	if status, _, _ := s.get(logName, link...); status != http.StatusOK {
		t.Errorf("a link: %d", status)
	}
	frame := []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", "Accept: text/html"}
	if status, _, _ := s.get(logName, frame...); status != http.StatusForbidden {
		t.Errorf("a frame: %d", status)
	}
}

func TestNew_BadNames_AreErrors(t *testing.T) {
	for _, o := range []Options{
		{AllowedHosts: []string{"http://x"}}, {AllowedHosts: []string{"*.example.org"}}, {AllowedHosts: []string{""}}, {AllowedOrigins: []string{"example.org"}},
		{AllowedOrigins: []string{"https://example.org/path"}}, {AllowedOrigins: []string{"*"}}, {BasePath: "logs"}, {BasePath: "/logs/"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func FuzzSplitHost(f *testing.F) {
	for _, s := range []string{"localhost:80", "[::1]:80", "a.b", "[::1%25eth0]", ":", "[", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		name, port, ok := splitHost(in)
		if !ok {
			return
		}
		again := withPort(in, "http")
		if n, p, ok := splitHost(again); !ok || n != name || port != "" && p != port {
			t.Fatalf("%q is %q and %q, but %q is %q and %q", in, name, port, again, n, p)
		}
	})
}
