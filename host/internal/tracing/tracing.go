// Package tracing tells OpenTelemetry what the front door does: requests for streams and history, catching up, pages read, restarts of
// plugins. It speaks to the API alone; where spans go is the program's affair. Without a provider there are no spans, and nothing is
// spent on them; the trace of a request is still named in our own log.
package tracing

import (
	"bufio"
	"context"
	"iter"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/livetail/livetail/plugin/tail"
)

// scope names this instrumentation.
const scope = "github.com/livetail/livetail/host"

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	tracer trace.Tracer // nil: no spans
	log    *logrus.Logger
	fields propagation.TraceContext
}

// New returns a tracer whose spans go to provider, which may be nil, and which names traces in log.
func New(provider trace.TracerProvider, log *logrus.Logger) *Tracer {
	t := &Tracer{log: log}
	if provider != nil {
		t.tracer = provider.Tracer(scope)
	}
	return t
}

// Handler returns next with spans for requests that open a stream or ask for history. A stream counts until it stands. The trace that a
// request belongs to, by the W3C header traceparent, goes on in the span.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.tracer == nil && r.Header.Get("Traceparent") == "" {
			next.ServeHTTP(w, r)
			return
		}
		ctx := t.fields.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		name, lasts := nameOf(r)
		if t.tracer != nil && name != "" {
			var span trace.Span
			ctx, span = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer),
				trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path)))
			defer span.End()
			w = &answer{w, span, lasts}
		}
		if s := trace.SpanContextFromContext(ctx); s.IsValid() && name != "" {
			t.log.WithFields(logrus.Fields{"trace_id": s.TraceID().String(), "span_id": s.SpanID().String(), "path": r.URL.Path}).Debug(name)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Within returns what makes other contexts ones of the span that ctx is in; nil if it is in none.
func Within(ctx context.Context) func(context.Context) context.Context {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return nil
	}
	return func(other context.Context) context.Context { return trace.ContextWithSpanContext(other, s) }
}

// answer notes in a span how a request was answered.
type answer struct {
	http.ResponseWriter
	span  trace.Span
	lasts bool // the span ends when the connection is taken over, rather than with the handler
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(code int) {
	a.status(code)
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) status(code int) {
	a.span.SetAttributes(attribute.Int("http.response.status_code", code))
	if code >= http.StatusInternalServerError {
		a.span.SetStatus(codes.Error, http.StatusText(code))
	}
}

// Hijack implements [http.Hijacker].
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.status(http.StatusSwitchingProtocols)
		if a.lasts {
			a.span.End()
		}
	}
	return c, rw, err
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// nameOf is the name of what r asks for; empty if it is not worth telling. It lasts if the handler does not return before the stream has ended.
func nameOf(r *http.Request) (name string, lasts bool) {
	switch path := r.URL.Path; {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return "upgrade", strings.HasSuffix(path, "/loki/api/v1/tail")
	case strings.Contains(path, "/loki/api/v1/query") || strings.Contains(path, "/loki/api/v1/index/"):
		return "history query", false
	}
	return "", false
}

// Tailer returns t with spans for what it reads; inner itself if there are none.
func (t *Tracer) Tailer(inner tail.Tailer) tail.Tailer {
	if t.tracer == nil {
		return inner
	}
	return &tailer{inner, t.tracer}
}

type tailer struct {
	tail.Tailer
	tracer trace.Tracer
}

// end ends a span with what came of it.
func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// Read implements [tail.Tailer].
func (t *tailer) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	ctx, span := t.tracer.Start(ctx, "read page", trace.WithAttributes(attribute.String("livetail.log", req.Log), attribute.Int("livetail.lines", req.Lines)))
	page, err := t.Tailer.Read(ctx, req)
	end(span, err)
	return page, err
}

// Scan implements [tail.Tailer].
func (t *tailer) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		ctx, span := t.tracer.Start(ctx, "search history", trace.WithAttributes(attribute.String("livetail.log", req.Log)))
		var last error
		defer func() { end(span, last) }()
		for r, err := range t.Tailer.Scan(ctx, req) {
			last = err
			if !yield(r, err) {
				return
			}
		}
	}
}

// Follow implements [tail.Tailer]: the span is the catching up, from the start to the first time that the end of the log is reached.
func (t *tailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		ctx, span := t.tracer.Start(ctx, "catch up", trace.WithAttributes(attribute.String("livetail.log", req.Log), attribute.String("livetail.start", req.Start.String())))
		bytes, over := 0, false
		finish := func(err error) {
			if !over {
				over = true
				span.SetAttributes(attribute.Int("livetail.bytes", bytes))
				end(span, err)
			}
		}
		var last error
		defer func() { finish(last) }()
		for e, err := range t.Tailer.Follow(ctx, req) {
			last = err
			if l, ok := e.(tail.Lines); ok {
				bytes += len(l.Text)
			}
			if _, ok := e.(tail.CaughtUp); ok {
				finish(nil)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Outage is the span of a plugin's absence.
type Outage struct {
	t     *Tracer
	mount string

	mu   sync.Mutex // guards span
	span trace.Span // nil while the plugin is up
}

// Outage returns what makes spans of the absences of the plugin at a mount.
func (t *Tracer) Outage(mount string) *Outage { return &Outage{t: t, mount: mount} }

// Update says whether the plugin is up, and why it last went away.
func (o *Outage) Update(up bool, why error) {
	if o.t.tracer == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !up && o.span == nil && why != nil:
		_, o.span = o.t.tracer.Start(context.Background(), "plugin restart", trace.WithAttributes(attribute.String("livetail.mount", o.mount)))
		o.span.RecordError(why)
	case up && o.span != nil:
		o.span.End()
		o.span = nil
	}
}
