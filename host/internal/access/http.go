package access

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Reason says why a request was refused. It is for our own metrics and log; the client is told less.
type Reason string

// The reasons of a [Refusal].
const (
	ReasonMissing Reason = "missing" // no proof: the first request of every browser
	ReasonWrong   Reason = "wrong"   // name or secret is wrong, or cannot be understood
	ReasonTicket  Reason = "ticket"  // unknown, used, expired, or from another address
	ReasonLimited Reason = "limited" // too many failed attempts from this address
	ReasonBusy    Reason = "busy"    // too many secrets to look at
)

// Refusal is why a request was not let in.
type Refusal struct {
	Reason Reason
	// RetryAfter is when it makes sense to try again; 0 if it does not.
	RetryAfter time.Duration
	bearer     bool
}

func (r *Refusal) Error() string { return "access refused: " + string(r.Reason) }

func limited(wait time.Duration) *Refusal { return &Refusal{Reason: ReasonLimited, RetryAfter: wait} }

// Deny answers a request that [Access.Check] refused with err: 401, 429 or 503. What is wrong with a proof is not said.
func Deny(w http.ResponseWriter, err error) {
	refusal := &Refusal{}
	errors.As(err, &refusal)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if refusal.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	switch refusal.Reason {
	case ReasonLimited:
		http.Error(w, "too many failed attempts, try again later", http.StatusTooManyRequests)
	case ReasonBusy:
		http.Error(w, "busy, try again", http.StatusServiceUnavailable)
	default:
		if !refusal.bearer { // A program that sends tokens is not helped by the browser's dialog.
			h.Add("WWW-Authenticate", `Basic realm="livetail", charset="UTF-8"`)
		}
		h.Add("WWW-Authenticate", `Bearer realm="livetail"`)
		http.Error(w, "authentication needed", http.StatusUnauthorized)
	}
}

// maxTicketRequest bounds the body of a request for a ticket: a path, every byte of it escaped.
const maxTicketRequest = 6*tail.MaxPath + 64

// ServeTicket answers POST {"log": "/path"} with {"ticket": …, "protocol": …, "expires_in_ms": …}. The request proves who it is by its Authorization
// header. The ticket opens one WebSocket on that log, from the same address, within 30 s; it is handed over as a subprotocol, because a
// browser cannot set headers there and a URL ends up in logs.
func (a *Access) ServeTicket(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !a.Required() {
		http.Error(w, "no ticket is needed here", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "ask by POST", http.StatusMethodNotAllowed)
		return
	}
	from, now := a.proxies.Client(r), time.Now()
	c, refusal := a.login(r, from, now)
	if refusal != nil {
		Deny(w, refusal)
		return
	}
	// A form of another site cannot send this type without asking first.
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		http.Error(w, "the Content-Type must be application/json", http.StatusUnsupportedMediaType)
		return
	}
	var ask struct {
		Log string `json:"log"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTicketRequest))
	if err := dec.Decode(&ask); err != nil || !cleanLog(ask.Log) {
		http.Error(w, `the body must be {"log": "/absolute/path"}`, http.StatusBadRequest)
		return
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		http.Error(w, "the body must be one JSON object", http.StatusBadRequest)
		return
	}
	if !(Identity{credential: c}).MayFollow(ask.Log) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	text, ok := a.tickets.issue(c, ask.Log, from, now)
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(ticketLife.Seconds())))
		http.Error(w, "too many unused tickets", http.StatusTooManyRequests)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	//nolint:errchkjson // Strings and a number.
	_ = json.NewEncoder(w).Encode(struct {
		Ticket    string `json:"ticket"`
		Protocol  string `json:"protocol"`
		ExpiresIn int64  `json:"expires_in_ms"`
	}{text, ticketPrefix + text, ticketLife.Milliseconds()})
}
