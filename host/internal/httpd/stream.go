package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/host/internal/ws"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// writeSize is how much is written within the time of a stall.
	writeSize = 16 << 10
)

// textRenderer renders for a stream of text. It has something to send even for the news that the end is reached, so that the stream knows
// that the log may be followed.
type textRenderer struct{ *render.Renderer }

// reached is the payload for that news, which is not sent.
var reached = []byte("\n")

func (t textRenderer) RenderInto(into []byte, e tail.Event) []byte {
	if _, ok := e.(tail.CaughtUp); ok {
		return reached
	}
	return t.Renderer.RenderInto(into, e)
}

// stream answers with the log as chunked text. refuse is what is wrong with the request, if anything.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, q query, refuse error, who access.Identity) {
	if refuse != nil {
		s.refuse(w, refuse)
		return
	}
	if !s.begin() {
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "The server is stopping.")
		return
	}
	defer s.streams.Done()
	leave, ok := s.enter(w, r)
	if !ok {
		return
	}
	defer leave()
	if q.download && r.Method == http.MethodGet {
		loaded, err := s.limits.Download()
		if err != nil {
			s.tooMany(w, err)
			return
		}
		defer loaded()
	}
	ctx, end := s.while(r, who.Revoked())
	defer end()
	if r.Method == http.MethodHead { // asks only how it would begin
		q.hub.Start, q.hub.Follow, q.hub.Wait = tail.StartAtEnd(), false, false
	}
	format := q.format.As
	q.hub.Rendering = hub.Rendering{Key: "text/" + format.String(), New: func() hub.Renderer { return textRenderer{render.New(format)} }}
	session, err := q.source.Hub.Open(ctx, q.hub)
	if err != nil {
		s.refuse(w, err)
		return
	}
	defer session.Close()
	first, err := firstFrame(ctx, session, q.hub.Follow, s.o.Patience)
	if _, ok := q.hub.Start.Position(); ok {
		err = wire.OfPosition("from", err)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if ctx.Err() == nil {
			s.refuse(w, err)
		}
		return
	}
	out := &textWriter{w: w, control: http.NewResponseController(w), stall: s.o.Stall, observer: &s.o.Observer}
	out.begin(q)
	if r.Method == http.MethodHead {
		return
	}
	began, reason := time.Now(), ""
	s.o.Observer.opened("text")
	defer func() { s.o.Observer.closed("text", reason, time.Since(began)) }() // also when the stream is broken off
	err = out.follow(ctx, session, first, err)
	how := endOf(ctx, err)
	if reason = how.Reason; reason == wire.CloseDone.Reason {
		out.end()
		return
	}
	if say := (refusal{}); how.Code != 0 && errors.As(err, &say) {
		_ = out.write([]byte(render.Notice(format, wire.ErrorText(say))+"\n"), true) // the break says it too
	}
	panic(http.ErrAbortHandler) // so that the peer sees that this was not the end
}

var (
	errDraining = errors.New("server is draining")
	errRevoked  = errors.New("credentials are revoked")
	errStalled  = errors.New("peer takes nothing")
)

// refusal is an error of the tailer, not of the connection.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// endOf says how a stream ended. A code of 0 means that there is nobody to talk to.
func endOf(ctx context.Context, err error) wire.Close {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return wire.CloseDone
	case errors.Is(cause, errRevoked):
		return wire.Close{Reason: wire.CloseRevoked.Reason}
	case errors.Is(cause, errDraining), errors.Is(err, hub.ErrClosed):
		return wire.Close{Reason: wire.CloseShutdown.Reason}
	case errors.Is(err, errStalled) && errors.Is(err, os.ErrDeadlineExceeded):
		return wire.Close{Reason: wire.CloseSlow.Reason}
	case cause != nil, errors.Is(err, errStalled):
		return wire.Close{Reason: "peer"}
	default:
		return wire.CloseFor(err)
	}
}

// while returns a context that ends with that of the request, when the server drains, and when the credentials are revoked. The caller
// calls end, which waits for what the context needed.
func (s *Server) while(r *http.Request, revoked <-chan struct{}) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(r.Context())
	stop := context.AfterFunc(s.stop, func() { cancel(errDraining) })
	var wg sync.WaitGroup
	if revoked != nil {
		wg.Go(func() { // ends with the context
			select {
			case <-revoked:
				cancel(errRevoked)
			case <-ctx.Done():
			}
		})
	}
	return ctx, func() {
		stop()
		cancel(nil)
		wg.Wait()
	}
}

// begin counts a stream, unless the server is draining.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop.Err() != nil {
		return false
	}
	s.streams.Add(1)
	return true
}

// refuse says why there is no stream.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	how := wire.CloseFor(err)
	s.o.Observer.refused("log", wire.Refusal(err))
	if how.After > 0 {
		w.Header().Set("Retry-After", seconds(how.After))
	}
	fail(w, statusOf(err), wire.ErrorText(err))
}

// firstFrame waits until it is known whether the log can be followed, and returns the first frame. A stream that goes on does not
// wait for long: a log that does not exist yet says nothing.
func firstFrame(ctx context.Context, session *hub.Session, follow bool, patience time.Duration) (*hub.Frame, error) {
	some := ctx
	if follow {
		var cancel context.CancelFunc
		some, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	for {
		item, err := session.Next(some)
		if err != nil {
			if ctx.Err() == nil && some.Err() != nil {
				return nil, nil
			}
			return nil, err
		}
		if f, ok := item.(*hub.Frame); ok {
			return f, nil
		}
	}
}

// textWriter writes a stream of text.
type textWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	stall    time.Duration
	observer *Observer
	written  int // frames of content so far
}

// begin sends the head of the answer.
func (t *textWriter) begin(q query) {
	h := t.w.Header()
	// Never as HTML, whatever the format: in a browser, log content is not to be a document of our origin.
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if q.download {
		h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(path.Base(q.log)))
	}
	t.w.WriteHeader(http.StatusOK)
	_ = t.control.Flush() // fails only where the next write does
}

// follow writes first, if it is not nil, and all that comes after it. err is what came with first.
func (t *textWriter) follow(ctx context.Context, session *hub.Session, first *hub.Frame, err error) error {
	if err == nil && first != nil {
		err = t.frame(first, session.More())
	}
	for err == nil {
		var item hub.Item
		if item, err = session.Next(ctx); err != nil {
			return refusal{err}
		}
		if f, ok := item.(*hub.Frame); ok {
			err = t.frame(f, session.More())
		}
	}
	return err
}

// end lets the connection be used for another request.
func (t *textWriter) end() {
	_ = t.control.SetWriteDeadline(time.Time{}) // fails only where it was never set
}

// frame writes content.
func (t *textWriter) frame(f *hub.Frame, more bool) error {
	if _, news := f.Event.(tail.CaughtUp); news {
		return t.write(nil, !more)
	}
	if err := t.write(f.Payload, !more); err != nil {
		return err
	}
	if t.observer.Sent != nil {
		t.observer.Sent(1, ws.Lines(f), len(f.Payload))
	}
	if t.written++; t.observer.Delivered != nil && ws.Sampled(t.written) {
		t.observer.Delivered(time.Since(f.Arrived))
	}
	return nil
}

// write writes p, and flushes if nothing follows at once.
func (t *textWriter) write(p []byte, flush bool) error {
	for first := true; len(p) > 0 || first && flush; first = false {
		if err := t.control.SetWriteDeadline(time.Now().Add(t.stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("%w: %w", errStalled, err)
		}
		n := min(len(p), writeSize)
		if _, err := t.w.Write(p[:n]); err != nil {
			return fmt.Errorf("%w: %w", errStalled, err)
		}
		p = p[n:]
		if flush && len(p) == 0 {
			if err := t.control.Flush(); err != nil {
				return fmt.Errorf("%w: %w", errStalled, err)
			}
		}
	}
	return nil
}
