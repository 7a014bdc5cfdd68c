package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// maxSwapRequest bounds the body of a request for a swap: a prefix, every byte of it escaped.
	maxSwapRequest = 6*tail.MaxPath + 64
	// swapTime bounds a swap; a plugin that does not start in time is given up, and the old one stays.
	swapTime = 30 * time.Second
)

// swaps are the prefixes whose plugins are being replaced, so that nobody can have one started again and again at a time.
type swaps struct {
	mu   sync.Mutex // guards what follows
	busy map[string]bool
}

// begin reports whether there is no swap of that prefix yet; the caller ends it.
func (s *swaps) begin(prefix string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[prefix] {
		return false
	}
	if s.busy == nil {
		s.busy = map[string]bool{}
	}
	s.busy[prefix] = true
	return true
}

func (s *swaps) end(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, prefix)
}

// swap answers POST {"prefix": "/docker"}: the plugin mounted there is started anew, from a new executable if there is one, and takes over
// while every viewer stays connected.
//
// Only operators may do that, and only by a request that no page of another site can send: its type makes a browser ask first, which is
// answered to nobody, and its origin was checked before.
func (s *Server) swap(w http.ResponseWriter, r *http.Request, who access.Identity) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, "Ask by POST.")
		return
	}
	if who.Name() == "" || who.FromTicket() || !slices.Contains(s.o.Operators, who.Name()) || s.o.Restart == nil {
		s.o.Observer.refused("access", "operator")
		fail(w, http.StatusForbidden, "Only operators may replace plugins: the server names them with --operator.")
		return
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "The Content-Type must be application/json.")
		return
	}
	var ask struct {
		Prefix string `json:"prefix"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSwapRequest))
	d.DisallowUnknownFields()
	err := d.Decode(&ask)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if err != nil || ask.Prefix == "" {
		fail(w, http.StatusBadRequest, `The body must be {"prefix": "/"}, with the prefix at which the plugin is mounted.`)
		return
	}
	if s.o.Mounts.At(ask.Prefix) == nil {
		fail(w, http.StatusNotFound, "No plugin is mounted at this prefix; /-/info names those that there are.")
		return
	}
	s.restart(w, r, ask.Prefix)
}

func (s *Server) restart(w http.ResponseWriter, r *http.Request, prefix string) {
	if !s.swaps.begin(prefix) {
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusConflict, "This plugin is being replaced already.")
		return
	}
	defer s.swaps.end(prefix)
	// Not bound to the request: whoever does not wait for the answer has asked all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), swapTime)
	defer cancel()
	if err := s.o.Restart(ctx, prefix); err != nil {
		if errors.Is(err, tail.ErrNotFound) {
			fail(w, http.StatusNotFound, "What is mounted at this prefix is no plugin that can be replaced.")
			return
		}
		fail(w, http.StatusBadGateway, oneLine(err.Error()))
		return
	}
	m := s.o.Mounts.At(prefix)
	s.sources[m].info.forget()
	answer := struct {
		Prefix string `json:"prefix"`
		Plugin string `json:"plugin"`
	}{Prefix: prefix}
	if info, err := s.sources[m].info.get(ctx); err == nil {
		answer.Plugin = strings.TrimSpace(info.Name + " " + info.Version)
	}
	answerJSON(w, answer)
}

// oneLine keeps what an operator is told to one line, whatever a program that does not start has printed.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }), " ")
}
