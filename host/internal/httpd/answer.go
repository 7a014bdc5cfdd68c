package httpd

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// text answers with a short text.
func text(w http.ResponseWriter, body string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, body) // a peer that does not take it has gone
}

// fail answers with an error: one sentence that says what to do.
func fail(w http.ResponseWriter, status int, sentence string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	//nolint:gosec // It is plain text, and said to be.
	_, _ = io.WriteString(w, sentence+"\n") // likewise
}

// answerJSON answers with a JSON value.
func answerJSON(w http.ResponseWriter, value any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // likewise
}

// seconds is d as the value of Retry-After.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))) }

// readyz says whether peers can be served, and why not.
func (s *Server) readyz(w http.ResponseWriter) {
	switch err := s.notReady(); {
	case s.stop.Err() != nil:
		fail(w, http.StatusServiceUnavailable, "The server is stopping.")
	case err != nil && s.o.Access.Required():
		// Whoever asks has not said who they are, and the reason may name programs and paths.
		fail(w, http.StatusServiceUnavailable, "Viewers cannot be served now. The listener for operators and the program's own log say why.")
	case err != nil:
		fail(w, http.StatusServiceUnavailable, oneLine(err.Error()))
	default:
		text(w, "ready\n")
	}
}

func (s *Server) notReady() error {
	if s.o.Ready == nil {
		return nil
	}
	return s.o.Ready()
}
