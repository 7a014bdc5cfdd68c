package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHops is how many entries of X-Forwarded-For are looked at, from the right.
	maxHops = 16
	maxHost = 255
)

// Proxies knows which proxies to believe. The zero value and nil believe none, so that a client is who connected.
type Proxies struct{ trusted []netip.Prefix }

// NewProxies makes Proxies of addresses and networks in CIDR form.
func NewProxies(trusted []string) (*Proxies, error) {
	p := &Proxies{}
	for _, text := range trusted {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				prefix, err = addr.WithZone("").Unmap().Prefix(addr.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network like 10.0.0.0/8", text)
		}
		if prefix.Bits() == 0 {
			return nil, errors.New(text + " is everybody: then everybody could choose the address that they come from")
		}
		p.trusted = append(p.trusted, prefix.Masked())
	}
	return p, nil
}

func (p *Proxies) trusts(a netip.Addr) bool {
	if p == nil {
		return false
	}
	for _, t := range p.trusted {
		if t.Contains(a) {
			return true
		}
	}
	return false
}

// Client is the address that r comes from: the last one in X-Forwarded-For, from the right, that is not a trusted proxy. What stands
// further left was written by somebody unknown. It is the zero Addr for a connection that has no address.
func (p *Proxies) Client(r *http.Request) netip.Addr {
	addr := peer(r)
	if !p.trusts(addr) {
		return addr
	}
	hops := 0
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for rest, more := line, true; more; {
			var entry string
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, entry = rest[:cut], rest[cut+1:]
			} else {
				entry, more = rest, false
			}
			if hops++; hops > maxHops {
				return addr
			}
			next, ok := parseHop(entry)
			if !ok {
				return addr
			}
			addr = next
			if !p.trusts(addr) {
				return addr
			}
		}
	}
	return addr
}

// Scheme is "http" or "https", as the client sees it.
func (p *Proxies) Scheme(r *http.Request) string {
	if p.trusts(peer(r)) {
		switch s := strings.ToLower(last(r.Header["X-Forwarded-Proto"])); s {
		case "http", "https":
			return s
		case "ws":
			return "http"
		case "wss":
			return "https"
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// Host is the name and port that the client asked for.
func (p *Proxies) Host(r *http.Request) string {
	if p.trusts(peer(r)) {
		if h := last(r.Header["X-Forwarded-Host"]); h != "" && len(h) <= maxHost && !strings.ContainsFunc(h, notInHost) {
			return h
		}
	}
	return r.Host
}

func notInHost(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune(`/\?#@"'<>,;`, c)
}

// last is the rightmost of the comma-separated values, which is the one that the trusted peer itself wrote.
func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
}

// peer is the other end of the connection.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseHop understands an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err == nil
}
