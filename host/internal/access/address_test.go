package access

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestProxies_BelieveOnlyTheTrusted(t *testing.T) {
	p, err := NewProxies([]string{"127.0.0.1", "10.0.0.0/8", "fd00::/16", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1:5", nil, "192.0.2.1"},
		{"stranger claims to be another", "192.0.2.1:5", []string{"127.0.0.1"}, "192.0.2.1"},
		{"one proxy", "127.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1"},
		{"one proxy that says nothing", "127.0.0.1:5", nil, "127.0.0.1"},
		{"two proxies", "127.0.0.1:5", []string{"192.0.2.1, 10.1.2.3"}, "192.0.2.1"},
		{"what the client made up stays left", "127.0.0.1:5", []string{"127.0.0.1, 203.0.113.9, 192.0.2.1, 10.1.2.3"}, "192.0.2.1"},
		{"several lines are one list", "127.0.0.1:5", []string{"203.0.113.9", "192.0.2.1", "10.1.2.3"}, "192.0.2.1"},
		{"with port", "127.0.0.1:5", []string{"192.0.2.1:4711"}, "192.0.2.1"},
		{"IPv6 in brackets with port", "[::1]:5", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv6 in brackets", "[::1]:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv4 in IPv6 clothes", "[::ffff:127.0.0.1]:5", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{"zone", "[fd00::1%eth0]:5", []string{"192.0.2.1"}, "192.0.2.1"},
		{"rubbish ends the list", "127.0.0.1:5", []string{"192.0.2.1, unknown"}, "127.0.0.1"},
		{"rubbish further left does not matter", "127.0.0.1:5", []string{"unknown, 192.0.2.1"}, "192.0.2.1"},
		{"empty entries", "127.0.0.1:5", []string{"192.0.2.1,,"}, "127.0.0.1"},
		{"all trusted", "127.0.0.1:5", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"more hops than are looked at", "127.0.0.1:5", []string{"192.0.2.1" + strings.Repeat(", 10.0.0.1", maxHops)}, "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.peer)
			r.Header["X-Forwarded-For"] = c.forwarded
			if got := p.Client(r).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if got := p.Client(request("@")); got.IsValid() {
		t.Errorf("a connection without address has %s", got)
	}
	if got := (*Proxies)(nil).Client(request("127.0.0.1:5", "X-Forwarded-For", "192.0.2.1")).String(); got != "127.0.0.1" {
		t.Errorf("nil Proxies believe %s", got)
	}
}

func TestProxies_SchemeAndHostComeFromTheTrustedAlone(t *testing.T) {
	p, err := NewProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, peer, proto, host, wantScheme, wantHost string }{
		{"stranger", "192.0.2.1:5", "https", "evil.test", "http", "example.com"},
		{"proxy", "127.0.0.1:5", "https", "logs.test:8443", "https", "logs.test:8443"},
		{"proxy, capitals", "127.0.0.1:5", "HTTPS", "Logs.Test", "https", "Logs.Test"},
		{"WebSocket schemes", "127.0.0.1:5", "wss", "", "https", "example.com"},
		{"made up by the client, then by the proxy", "127.0.0.1:5", "https, http", "evil.test, logs.test", "http", "logs.test"},
		{"rubbish", "127.0.0.1:5", "gopher", "a/b", "http", "example.com"},
		{"host with a user", "127.0.0.1:5", "http", "me@evil.test", "http", "example.com"},
		{"over-long host", "127.0.0.1:5", "http", strings.Repeat("a", 300), "http", "example.com"},
	} {
		r := request(c.peer, "X-Forwarded-Proto", c.proto, "X-Forwarded-Host", c.host)
		if s, h := p.Scheme(r), p.Host(r); s != c.wantScheme || h != c.wantHost {
			t.Errorf("%s: got %s, %s, want %s, %s", c.name, s, h, c.wantScheme, c.wantHost)
		}
	}
}

func TestNewProxies_RefusesWhatIsNoNetwork(t *testing.T) {
	for _, text := range []string{"", "localhost", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1-10.0.0.9"} {
		if _, err := NewProxies([]string{text}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	p, err := NewProxies([]string{"127.0.0.1", "10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("192.0.2.1, 10.1.2.3", "127.0.0.1:5")
	f.Add("[::1]:80,, unknown", "10.0.0.1:5")
	f.Add("::ffff:10.0.0.1", "192.0.2.1:5")
	f.Fuzz(func(t *testing.T, forwarded, remote string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": strings.Split(forwarded, "\n")}}
		got := p.Client(r)
		from := peer(r)
		if !p.trusts(from) && got != from {
			t.Fatalf("a stranger at %s chose the address %s", from, got)
		}
		if !got.IsValid() {
			return
		}
		// Whatever a stranger wrote into the header before the trusted proxy added their address must not matter.
		stranger := netip.MustParseAddr("192.0.2.77")
		r.RemoteAddr = "127.0.0.1:5"
		r.Header["X-Forwarded-For"] = slices.Concat(r.Header["X-Forwarded-For"], []string{"192.0.2.77"})
		if got := p.Client(r); got != stranger {
			t.Fatalf("got %s behind a proxy, want %s", got, stranger)
		}
	})
}
