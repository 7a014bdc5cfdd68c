package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/limit"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/tracing"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/host/internal/ws"
	"github.com/livetail/livetail/plugin/tail"
)

// Options of a [Server]. The zero value of a duration or number means the default.
type Options struct {
	// Mounts are the tailers with their sessions. Needed.
	Mounts *mount.Table
	// Name is name and version of the server, such as "livetail 1.0.0".
	Name string
	// Lines is how many last lines a peer gets that does not say; default 1000, less than 0 means none.
	Lines int
	// HeartbeatInterval and HeartbeatTimeout are those of the hub, for hello.
	HeartbeatInterval, HeartbeatTimeout time.Duration

	// BasePath is where a proxy publishes the server, such as /logs; empty means the top.
	BasePath string
	// AllowedHosts are names, with or without port, under which browsers may reach the server, besides addresses and loopback names.
	AllowedHosts []string
	// AllowedOrigins are origins (https://name[:port]) whose pages may connect, besides our own.
	AllowedOrigins []string
	// Access says who may follow what; nil: everybody everything.
	Access *access.Access
	// Proxies says whose word about host and scheme is believed; nil: nobody's.
	Proxies *access.Proxies
	// Limits bound the sessions, streams of text included; Messages, what peers may say.
	Limits   limit.Options
	Messages wire.Limits
	// Operators are the names of those who may have plugins replaced by Restart, which may be nil.
	Operators []string
	Restart   func(ctx context.Context, prefix string) error

	// Zone and TraceURL are as in [ws.Options].
	Zone     func(log string) string
	TraceURL string

	// Ready says in one sentence why peers cannot be served now, or nil. May be nil.
	Ready func() error
	// Loki answers /loki/… and /ready, after the checks that apply to all, for whom the identity names. May be nil.
	Loki func(http.ResponseWriter, *http.Request, access.Identity)

	// Stall and Farewell are as in [ws.Options].
	Stall, Farewell time.Duration
	// Patience is how long the status of a stream of text that goes on waits for the log to say something; default 1 s.
	Patience time.Duration
	Observer Observer
}

// Observer is told what happens, for metrics. Its functions must be quick and safe for concurrent use; nil ones are not called.
type Observer struct {
	// Opened and Closed: a session over the protocol "plain", "livetail.v1" or "text" began and ended. The reason is that of a wire.Close,
	// or "peer" if the peer went away.
	Opened func(protocol string)
	Closed func(protocol, reason string, after time.Duration)
	// Refused: a peer did not get what it asked for, at the stage "host", "access", "limit", "log" or "request", which is one on a connection
	// that stands.
	Refused func(stage, reason string)
	// Sent: content was written.
	Sent func(frames, lines, bytes int)
	// Delivered: content was written so long after it had come to the host; a sample of all.
	Delivered func(time.Duration)
	// RoundTrip: a ping was answered. Lag: so many bytes wait for a session, as it is pinged; negative: unknown.
	RoundTrip func(time.Duration)
	Lag       func(bytes int64)
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	o       Options
	ws      *ws.Server
	limits  *limit.Limiter
	page    *page
	guard   guard
	sources map[*mount.Mount]*source
	swaps   swaps
	stop    context.Context // ends when Drain begins, with errDraining
	drain   context.CancelCauseFunc
	streams sync.WaitGroup // of text
	mu      sync.Mutex     // held to add to streams or to begin to drain
}

// New makes a server. An error is a mistake in the options or in the built page.
func New(o Options) (*Server, error) {
	switch {
	case o.Lines == 0:
		o.Lines = 1000
	case o.Lines < 0:
		o.Lines = 0
	}
	if o.Stall <= 0 {
		o.Stall = 5 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = time.Second
	}
	if o.Access == nil {
		everybody, err := access.New(access.Options{})
		if err != nil {
			return nil, err
		}
		o.Access = everybody
	}
	if o.BasePath != "" && (!strings.HasPrefix(o.BasePath, "/") || strings.HasSuffix(o.BasePath, "/")) {
		return nil, fmt.Errorf("base path %q must begin with / and not end with it", o.BasePath)
	}
	p, err := newPage(o.BasePath + "/")
	if err != nil {
		return nil, err
	}
	g, err := newGuard(o.AllowedHosts, o.AllowedOrigins, o.Proxies)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, page: p, guard: g, limits: limit.New(o.Limits), sources: map[*mount.Mount]*source{}}
	for _, m := range o.Mounts.All() {
		s.sources[m] = newSource(m)
	}
	s.stop, s.drain = context.WithCancelCause(context.Background())
	s.ws = ws.New(ws.Options{
		Name:              o.Name,
		HeartbeatInterval: o.HeartbeatInterval, HeartbeatTimeout: o.HeartbeatTimeout, Stall: o.Stall, Farewell: o.Farewell, Limits: o.Messages,
		Zone: o.Zone, TraceURL: o.TraceURL,
		Observer: ws.Observer{
			Opened: o.Observer.Opened, Closed: o.Observer.Closed, Sent: o.Observer.Sent, Delivered: o.Observer.Delivered, RoundTrip: o.Observer.RoundTrip, Lag: o.Observer.Lag,
			Refused:  func(reason string) { o.Observer.refused("log", reason) },
			Declined: func(reason string) { o.Observer.refused("request", reason) },
		},
	})
	return s, nil
}

// Drain ends all sessions, inviting their peers back, and waits until they are gone. When ctx ends before, the rest are cut, and the
// error is ctx's. New ones are refused from then on; other requests are still answered.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.drain(errDraining)
	s.mu.Unlock()
	err := s.ws.Drain(ctx)
	gone := make(chan struct{})
	go func() { // ends when the last stream does; each ends within the time that one write may take
		s.streams.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return err
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.ContentLength != 0 {
		// Few requests have a body; whoever announces one and does not send it must not keep the connection by that.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.o.Stall)) // Not every connection can; then it is the caller's.
	}
	if refusal := s.guard.check(r); refusal != nil {
		s.o.Observer.refused("host", refusal.reason)
		fail(w, http.StatusForbidden, refusal.text)
		return
	}
	path, ok := s.below(r.URL.Path)
	if !ok {
		if r.URL.Path == s.o.BasePath {
			http.Redirect(w, r, s.o.BasePath+"/", http.StatusPermanentRedirect)
			return
		}
		fail(w, http.StatusNotFound, "There is nothing here. The logs are below "+s.o.BasePath+"/.")
		return
	}
	switch path { // answered to everybody, for they say nothing about logs
	case "/-/healthz":
		text(w, "ok\n")
		return
	case "/-/readyz":
		s.readyz(w)
		return
	case "/-/ticket": // proves who asks by itself
		s.o.Access.ServeTicket(w, r)
		return
	}
	who, err := s.o.Access.Check(r)
	if err != nil {
		reason := "other"
		if refusal := (*access.Refusal)(nil); errors.As(err, &refusal) {
			reason = string(refusal.Reason)
		}
		s.o.Observer.refused("access", reason)
		access.Deny(w, err)
		return
	}
	switch {
	case path == "/-/plugins/swap":
		s.swap(w, r, who)
	case path == "/-" || strings.HasPrefix(path, "/-/"):
		s.own(w, r, path, who)
	case s.o.Loki != nil && (path == "/ready" || strings.HasPrefix(path, "/loki/")):
		s.o.Loki(w, r, who)
	default:
		s.log(w, r, path, who)
	}
}

// below returns what remains of a path below the base path.
func (s *Server) below(path string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, s.o.BasePath)
	return rest, ok && strings.HasPrefix(rest, "/")
}

// log answers a request for what a path names: a stream or the page.
func (s *Server) log(w http.ResponseWriter, r *http.Request, path string, who access.Identity) {
	upgrade := ws.IsUpgrade(r)
	if !upgrade {
		w.Header().Add("Vary", "Accept")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, "Logs are read only: ask by GET.")
			return
		}
	}
	v1 := upgrade && ws.IsV1(r)
	q, err := s.ask(path, r.URL.RawQuery, kindOf(upgrade, v1), who)
	q.hub.Within = tracing.Within(r.Context())
	switch {
	case upgrade:
		s.upgrade(w, r, q, err, who)
	case !q.download && wantsPage(r):
		s.page.serve(w, r)
	case path == "/":
		s.index(w, r, who)
	default:
		s.stream(w, r, q, err, who)
	}
}

// ask reads what who asks for. The error is that of parse, or [tail.ErrNotAllowed]; the query is as good as it gets then.
func (s *Server) ask(path, rawQuery string, k kind, who access.Identity) (query, error) {
	q, err := s.parse(path, rawQuery, k)
	if err == nil && !who.MayFollow(q.log) {
		err = tail.ErrNotAllowed
	}
	if err == nil {
		err = s.place(&q)
	}
	return q, err
}

// place finds out whose log it is that q is about.
func (s *Server) place(q *query) error {
	m, local, ok := s.o.Mounts.Find(q.log)
	if !ok {
		return tail.ErrNotAllowed
	}
	q.source, q.hub.Log = s.sources[m], local
	return nil
}

// upgrade answers over WebSocket.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, q query, refuse error, who access.Identity) {
	leave, ok := s.enter(w, r)
	if !ok {
		return
	}
	request := ws.Request{Log: q.log, Hub: q.hub, Format: q.format, Refuse: refuse, Revoked: who.Revoked(), Done: leave}
	if q.source != nil {
		request.Source = q.source.Source
	}
	s.ws.Serve(w, r, request)
}

// enter counts a session, or says why it may not be.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	leave, err := s.limits.Enter(s.o.Access.Client(r))
	if err == nil {
		return leave, true
	}
	s.tooMany(w, err)
	return nil, false
}

// tooMany says which limit is reached.
func (s *Server) tooMany(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if refusal := (*limit.Refusal)(nil); errors.As(err, &refusal) {
		s.o.Observer.refused("limit", refusal.Limit)
		w.Header().Set("Retry-After", seconds(refusal.After))
		if refusal.Limit == "address" || refusal.Limit == "rate" {
			status = http.StatusTooManyRequests
		}
	}
	fail(w, status, "Too many connections. Try again later.")
}

func (o *Observer) opened(protocol string) {
	if o.Opened != nil {
		o.Opened(protocol)
	}
}

func (o *Observer) closed(protocol, reason string, after time.Duration) {
	if o.Closed != nil {
		o.Closed(protocol, reason, after)
	}
}

func (o *Observer) refused(stage, reason string) {
	if o.Refused != nil {
		o.Refused(stage, reason)
	}
}

// statusOf returns the HTTP status that says the same as err.
func statusOf(err error) int {
	switch wire.CloseFor(err) {
	case wire.CloseForbidden:
		return http.StatusForbidden
	case wire.CloseNotFound, wire.CloseNoFile:
		return http.StatusNotFound
	case wire.CloseGone:
		return http.StatusGone
	case wire.CloseBad:
		return http.StatusBadRequest
	case wire.CloseCannot:
		return http.StatusNotImplemented
	case wire.CloseTooMany:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
