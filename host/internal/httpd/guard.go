package httpd

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/livetail/livetail/host/internal/access"
)

// guard keeps pages of other sites out. A page can point a name of its own at this server (DNS rebinding), which makes its requests look
// like those of our own page; so the name has to be one of ours. It can also send requests to our right name, which then carry its
// origin; so the origin has to be ours too.
type guard struct {
	hosts   []string // in lower case, with or without port
	origins []string // in lower case
	proxies *access.Proxies
}

// refused is why a request is not looked at any further.
type refused struct {
	reason string // "host" or "origin"
	text   string
}

func newGuard(hosts, origins []string, proxies *access.Proxies) (guard, error) {
	g := guard{proxies: proxies}
	for _, h := range hosts {
		if _, _, ok := splitHost(h); !ok {
			return g, fmt.Errorf("allowed host %q is no name, with or without a port", h)
		}
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, o := range origins {
		scheme, host, ok := splitOrigin(o)
		if !ok {
			return g, fmt.Errorf("allowed origin %q is not of the form https://name[:port]", o)
		}
		g.origins = append(g.origins, scheme+"://"+host)
	}
	return g, nil
}

// check returns why r is refused, or nil.
func (g *guard) check(r *http.Request) *refused {
	host := g.proxies.Host(r)
	if !g.ours(host) {
		return &refused{"host", "This server does not go by the name in the request. If it should, start it with --allowed-host and that name."}
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return g.checkFetch(r)
	}
	scheme, from, ok := splitOrigin(origins[0])
	if len(origins) == 1 && ok && (slices.Contains(g.origins, scheme+"://"+from) || scheme == g.proxies.Scheme(r) && from == withPort(host, scheme)) {
		return nil
	}
	return &refused{"origin", "Pages of other sites may not read logs here. If one should, start the server with --allowed-origin and its origin."}
}

// checkFetch looks at what browsers say about requests that carry no origin, such as that of an image. Following a link is allowed from
// everywhere; it leads to the page, whose own requests then come from here.
func (g *guard) checkFetch(r *http.Request) *refused {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Method == http.MethodGet {
		return nil
	}
	return &refused{"origin", "Pages of other sites may not read logs here."}
}

// ours reports whether the value of a Host header names this server: an address, which no page of another site can have as its name,
// a loopback name, or one that is configured.
func (g *guard) ours(host string) bool {
	name, port, ok := splitHost(host)
	if !ok {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		slices.Contains(g.hosts, name) || slices.Contains(g.hosts, net.JoinHostPort(name, port))
}

// splitHost takes apart the value of a Host header. The name comes in lower case, an IPv6 address without brackets; the port is empty
// if there is none.
func splitHost(host string) (name, port string, ok bool) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return "", "", false
		}
	}
	if inner, bracket := strings.CutPrefix(name, "["); bracket {
		inner, closed := strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return strings.ToLower(inner), port, closed && err == nil && a.Is6() && a.Zone() == ""
	}
	name = strings.ToLower(name)
	if name == "" || len(name) > 253 || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
		return "", "", false
	}
	if strings.ContainsFunc(name, notInName) {
		return "", "", false
	}
	return name, port, true
}

// notInName reports whether c has no place in a host name in lower case.
func notInName(c rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-._", c)
}

// splitOrigin takes apart an origin. The host comes in lower case, with its port in any case.
func splitOrigin(origin string) (scheme, host string, ok bool) {
	scheme, host, ok = strings.Cut(origin, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		return "", "", false
	}
	if _, _, ok := splitHost(host); !ok {
		return "", "", false
	}
	if u, err := url.Parse(origin); err != nil || u.User != nil || u.Path != "" {
		return "", "", false
	}
	return scheme, withPort(host, scheme), true
}

// withPort brings a host that splitHost accepts into one form.
func withPort(host, scheme string) string {
	name, port, _ := splitHost(host)
	switch {
	case port != "":
	case scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(name, port)
}
