package access

import (
	"net/http"
	"strings"
)

const (
	// maxAuthorization and maxProtocols bound the headers that hold proofs, in bytes.
	maxAuthorization = 1024
	maxProtocols     = 1024
	// ticketPrefix begins the WebSocket subprotocol that hands over a ticket.
	ticketPrefix = "ticket."
)

// proof is what the Authorization header of a request says.
type proof struct {
	missing bool
	bearer  bool // the scheme was Bearer
	name    string
	secret  string // empty: cannot be right
}

// proofOf reads the Authorization header. What cannot be understood is a proof without a secret.
func proofOf(r *http.Request) proof {
	lines := r.Header["Authorization"]
	if len(lines) == 0 {
		return proof{missing: true}
	}
	if len(lines) > 1 || len(lines[0]) > maxAuthorization {
		return proof{}
	}
	var p proof
	scheme, token, _ := strings.Cut(lines[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		p.bearer, p.secret = true, strings.TrimSpace(token)
	case strings.EqualFold(scheme, "Basic"):
		p.name, p.secret, _ = r.BasicAuth()
	}
	if p.name == "" { // A token begins with the name.
		p.name, _, _ = strings.Cut(p.secret, ".")
	}
	if checkName(p.name) != nil {
		p.name = ""
	}
	if len(p.secret) > maxSecret {
		p.secret = ""
	}
	return p
}

// ticketOf finds the ticket that a WebSocket handshake brings among its subprotocols. An empty ticket cannot be right.
func ticketOf(r *http.Request) (ticket string, found bool) {
	if !strings.EqualFold(strings.TrimSpace(r.Header.Get("Upgrade")), "websocket") {
		return "", false
	}
	size := 0
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		size += len(line)
		for protocol := range strings.SplitSeq(line, ",") {
			t, ok := strings.CutPrefix(strings.TrimSpace(protocol), ticketPrefix)
			if !ok {
				continue
			}
			if found {
				return "", true
			}
			ticket, found = t, true
		}
	}
	if size > maxProtocols {
		ticket = ""
	}
	return ticket, found
}
