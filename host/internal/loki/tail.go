package loki

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/loki/logql"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// maxDelay is the longest delay_for, in seconds.
	maxDelay = 5
	// frameEntries and frameBytes bound one message.
	frameEntries = 100
	frameBytes   = 256 << 10
	// maxClientMessage is the longest message that a client may send; what it says is thrown away.
	maxClientMessage = 4 << 10
	// backlogScan is how much of each log is searched for the lines that a tail begins with, in bytes.
	backlogScan = 64 << 20
	// defaultLook is how often a tail looks for new logs that its selector means.
	defaultLook = 10 * time.Second
	// maxReason is the longest reason that fits into a close frame, in bytes.
	maxReason = 123
)

// tailRequest is what a client asks to be shown live.
type tailRequest struct {
	query   *logql.Log
	limit   int // lines to begin with
	start   int64
	delay   time.Duration
	streams []stream
	lacks   missing
}

func (s *Server) tailRequest(r *http.Request) (*tailRequest, error) {
	if strings.Contains(r.Header.Get("X-Scope-OrgID"), "|") {
		return nil, badRequest("multiple org IDs present")
	}
	q, err := logql.ParseLog(r.Form.Get("query"))
	if err != nil {
		return nil, err
	}
	t := &tailRequest{query: q}
	delay, err := intParam(r, "delay_for", 0)
	switch {
	case err != nil:
		return nil, err
	case delay > maxDelay:
		return nil, badRequest(fmt.Sprintf("delay_for can't be greater than %d", maxDelay))
	case delay < 0:
		return nil, badRequest("delay_for can't be negative")
	}
	t.delay = time.Duration(delay) * time.Second
	if t.limit, err = s.limitParam(r); err != nil {
		return nil, err
	}
	since, err := sinceParam(r)
	if err != nil {
		return nil, err
	}
	start, err := timeParam(r, "start", s.opts.Now().Add(-since))
	if err != nil {
		return nil, err
	}
	t.start = nano(start)
	if r.Form.Get("start") == "" && r.Form.Get("since") == "" {
		t.limit = min(t.limit, max(0, s.opts.Backlog))
	}
	// Also those that have been quiet for long: they may be written to.
	t.streams, err = s.streams(r.Context(), q.Selector, math.MinInt64, s.limits.TailStreams, &t.lacks)
	return t, err
}

// tail answers /loki/api/v1/tail. Errors are answers to the request until it becomes a WebSocket.
func (s *Server) tail(w http.ResponseWriter, r *http.Request) error {
	if err := s.admit(); err != nil {
		return err
	}
	defer s.leave()
	req, err := s.tailRequest(r)
	if err != nil {
		return err
	}
	info, err := s.opts.Tailer.Info(r.Context())
	if err != nil {
		return err
	}
	t := &tailing{
		server: s, req: req, timed: slices.Contains(info.Capabilities, tail.CapabilityTime),
		began:   s.opts.Now(),
		batches: make(chan batch), follows: map[string]bool{}, ended: map[string]tail.Start{}, told: map[string]int64{},
	}
	// Before the answer, so that a client gets every line that is written once it is connected.
	looking, done := context.WithTimeout(r.Context(), s.limits.Timeout)
	backlog, starts, err := t.backlog(looking)
	done()
	if err != nil {
		return err
	}
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // Upgrade has answered.
	}
	defer conn.Close()
	if !s.register(conn) {
		return nil
	}
	defer s.unregister(conn)

	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context())) // The reader ends it: the server doesn't, after an upgrade.
	t.conn, t.cancel = conn, cancel
	began := time.Now()
	s.opts.Observer.Opened("loki")
	err = t.run(ctx, backlog, starts)
	if errors.Is(err, tail.ErrNotAllowed) { // The client is to stay away, so it is told in the way that makes it.
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseInternalServerErr, reason("the log may not be read any more")),
			time.Now().Add(s.limits.WriteTimeout)) // The clock of sockets is the real one.
	}
	_ = conn.Close() // Ends the reader.
	t.work.Wait()
	s.opts.Observer.Closed("loki", s.whyEnded(err), time.Since(began))
	return nil
}

// whyEnded names the reason why a live tail ended with err, as package wire does.
func (s *Server) whyEnded(err error) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var timeout net.Error
	switch {
	case s.closed:
		return wire.CloseShutdown.Reason
	case errors.Is(err, tail.ErrNotAllowed):
		return wire.CloseRevoked.Reason
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return wire.CloseSlow.Reason
	}
	return "peer"
}

// reason cuts a text to what a close frame can hold, between characters.
func reason(s string) string {
	if len(s) <= maxReason {
		return s
	}
	n := maxReason
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// admit takes one of the places for live tails.
func (s *Server) admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return &apiError{http.StatusServiceUnavailable, "shutting down"}
	case s.slots >= s.limits.Tails:
		return &apiError{http.StatusTooManyRequests,
			fmt.Sprintf("max concurrent tail requests limit exceeded, count > limit (%d > %d)", s.slots+1, s.limits.Tails)}
	}
	s.slots++
	s.active.Add(1)
	return nil
}

func (s *Server) leave() {
	s.mu.Lock()
	s.slots--
	s.mu.Unlock()
	s.active.Done()
}

// register makes a socket known to Close. It reports false if that has been called already.
func (s *Server) register(c *websocket.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.tails[c] = struct{}{}
	}
	return !s.closed
}

func (s *Server) unregister(c *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tails, c)
}
