// Package loki answers the read side of Loki's HTTP API out of log files, so that Grafana and logcli can use livetail as a data source:
// live tail, range queries, labels and series, over a subset of LogQL (package logql).
//
// Each log is one stream. Its labels are job, host, filename and service_name; each line has detected_level besides. Nothing is indexed
// or stored: a query reads the files, within [Limits]. Lines carry the times that the tailer gives them.
//
// A live tail drops nothing for a slow client; it reads the file as fast as the client takes it. What is missing because the rotator
// destroyed it stands in the stream as a line of its own with the label livetail_event="gap".
//
// The handlers start goroutines only below [Server.Serve], which waits for them; [Server.Close] ends live tails.
package loki

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/loki/logql"
	"github.com/livetail/livetail/plugin/tail"
)

// Options say what a [Server] serves and how.
type Options struct {
	// Tailer reads the logs. It needs the capability "time" for everything but the live tail. Needed.
	Tailer tail.Tailer
	// Host is the label host of every stream; empty means the name of this machine.
	Host string
	// Part says which part of all logs, such as those of one plugin, a log belongs to, by the prefix of the part. A part that does not answer is left
	// out of answers, which say so; so is one that a list lacks (its error has a method Missing). Nil means that all are one part, without which
	// there is no answer.
	Part func(log string) string
	// Job gives the labels job and service_name of a log; nil means the file's name without what follows its first dot.
	Job func(log string) string
	// Version is livetail's own version, for the build information.
	Version string
	// Ready says why queries cannot be answered now; nil means that they always can.
	Ready func() error
	// CheckOrigin decides whether a browser on another site may open a live tail; nil means that only this host's own may.
	CheckOrigin func(*http.Request) bool
	// Backlog is how many lines a live tail begins with whose client does not say since when, as Grafana does each time it reconnects;
	// 0 means 10, a negative number none.
	Backlog int
	// Observer is told what live tails do.
	Observer Observer
	// Limits bound what clients can ask for; zero values mean the defaults.
	Limits Limits
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Observer is told what live tails do, for metrics. Its functions must be quick and safe for concurrent use; nil ones are not called.
type Observer struct {
	// Opened and Closed: a live tail stands, and is over; the protocol is always "loki". The reason is that of a wire.Close, or "peer" if
	// the client went away.
	Opened func(protocol string)
	Closed func(protocol, reason string, after time.Duration)
	// Sent: lines were written, as so many frames, lines and bytes of payload. Delivered: they came to the host so long before.
	Sent      func(frames, lines, bytes int)
	Delivered func(time.Duration)
}

// filled returns o with functions that do nothing where there are none.
func (o Observer) filled() Observer {
	if o.Opened == nil {
		o.Opened = func(string) {}
	}
	if o.Closed == nil {
		o.Closed = func(string, string, time.Duration) {}
	}
	if o.Sent == nil {
		o.Sent = func(int, int, int) {}
	}
	if o.Delivered == nil {
		o.Delivered = func(time.Duration) {}
	}
	return o
}

// Limits of what clients can ask for.
type Limits struct {
	// Entries is the most lines that one query returns, 5000.
	Entries int
	// Streams is the most logs that one query reads, 1000.
	Streams int
	// Series is the most series of a metric query, 500, and Points the most points of each, 11000.
	Series, Points int
	// ScanBytes is the most that one query reads, 1 GiB, and ResultBytes the most that it returns, 32 MiB.
	ScanBytes, ResultBytes int64
	// Queries is how many queries run at once, 4. Others wait for a few seconds.
	Queries int
	// Timeout is how long one query may take, 30 s.
	Timeout time.Duration
	// Tails is how many live tails may be open at once, 100, and TailStreams how many logs each may follow, 100.
	Tails, TailStreams int
	// WriteTimeout is how long the socket of a live tail may take no byte, 10 s. Pings go out every PingInterval, 10 s, and are
	// to be answered within PongTimeout, 30 s.
	WriteTimeout, PingInterval, PongTimeout time.Duration
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	or := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	or64 := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	or(&l.Entries, 5000)
	or(&l.Streams, 1000)
	or(&l.Series, 500)
	or(&l.Points, 11000)
	or64(&l.ScanBytes, 1<<30)
	or64(&l.ResultBytes, 32<<20)
	or(&l.Queries, 4)
	orTime(&l.Timeout, 30*time.Second)
	or(&l.Tails, 100)
	or(&l.TailStreams, 100)
	orTime(&l.WriteTimeout, 10*time.Second)
	orTime(&l.PingInterval, 10*time.Second)
	orTime(&l.PongTimeout, 30*time.Second)
	return l
}

const (
	defaultBacklog = 10
	// maxForm is the longest form that a POST request may bring, in bytes.
	maxForm = 64 << 10
	// queueTime is how long a query waits for its turn.
	queueTime = 5 * time.Second
	// lokiVersion is the version of Loki whose API this is; Grafana asks for at least 2.9.
	lokiVersion = "3.0.0"
)

// Server is the handler of /loki/… and /ready. Use [New].
type Server struct {
	opts     Options
	limits   Limits
	mux      *http.ServeMux
	running  chan struct{} // a token for each query that runs
	upgrader websocket.Upgrader
	// lookInterval is how often a live tail looks for new logs.
	lookInterval time.Duration

	mu     sync.Mutex // guards the rest
	closed bool
	tails  map[*websocket.Conn]struct{}
	slots  int            // live tails admitted
	active sync.WaitGroup // live tails; Add only while not closed
}

var _ http.Handler = (*Server)(nil)

// New makes a Server. Close it when done.
func New(o Options) *Server {
	if o.Host == "" {
		o.Host, _ = os.Hostname() // A machine without a name gets no label.
	}
	if o.Job == nil {
		o.Job = jobOf
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Observer = o.Observer.filled()
	if o.Backlog == 0 {
		o.Backlog = defaultBacklog
	}
	s := &Server{opts: o, limits: o.Limits.withDefaults(), mux: http.NewServeMux(), tails: map[*websocket.Conn]struct{}{}, lookInterval: defaultLook}
	s.running = make(chan struct{}, s.limits.Queries)
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second, WriteBufferSize: 32 << 10, WriteBufferPool: &sync.Pool{}, CheckOrigin: o.CheckOrigin,
	}
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/loki/api/v1/query_range":                  s.limited(s.queryRange),
		"/loki/api/v1/query":                        s.limited(s.query),
		"/loki/api/v1/labels":                       s.limited(s.labels),
		"/loki/api/v1/label":                        s.limited(s.labels),
		"/loki/api/v1/label/{name}/values":          s.limited(s.labelValues),
		"/loki/api/v1/series":                       s.limited(s.series),
		"/loki/api/v1/index/stats":                  s.limited(s.stats),
		"/loki/api/v1/index/volume":                 s.limited(s.volume),
		"/loki/api/v1/index/volume_range":           s.limited(s.volumeRange),
		"/loki/api/v1/detected_labels":              s.limited(s.detectedLabels),
		"/loki/api/v1/detected_fields":              s.limited(s.detectedFields),
		"/loki/api/v1/detected_field/{name}/values": s.limited(s.detectedValues),
		"/loki/api/v1/tail":                         s.tail,
		"/loki/api/v1/status/buildinfo":             s.buildInfo,
		"/ready":                                    s.ready,
	} {
		handler := answering(h)
		s.mux.HandleFunc("GET "+pattern, handler)
		s.mux.HandleFunc("POST "+pattern, handler)
	}
	return s
}

// Viewer is who asks.
type Viewer interface {
	// MayFollow reports whether the viewer may know of a log and read it.
	MayFollow(log string) bool
	// Revoked is closed when the viewer's right ends, and live tails with it. Nil means never.
	Revoked() <-chan struct{}
}

// viewerKey is the key of the viewer in the context of a request.
type viewerKey struct{}

// Serve answers one request of a viewer, to whom other logs than those they may follow do not exist.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, v Viewer) {
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
}

// ServeHTTP answers one request of somebody who may follow everything.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Serve(w, r, everybody{}) }

// everybody may follow everything.
type everybody struct{}

func (everybody) MayFollow(string) bool    { return true }
func (everybody) Revoked() <-chan struct{} { return nil }

// viewerOf is who asks; nobody, who may follow nothing, if that is not known.
func viewerOf(ctx context.Context) Viewer {
	if v, ok := ctx.Value(viewerKey{}).(Viewer); ok {
		return v
	}
	return nobody{}
}

type nobody struct{}

func (nobody) MayFollow(string) bool    { return false }
func (nobody) Revoked() <-chan struct{} { return nil }

// Close ends the live tails and waits for them. Their sockets are cut without a close frame, because Grafana and logcli take a close
// frame for the end and a cut for a reason to connect again, maybe to another host.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.tails {
		_ = c.NetConn().Close() // There is nobody to tell.
	}
	s.mu.Unlock()
	s.active.Wait()
	return nil
}

// answering turns an error into the response for it.
func answering(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := h(w, r); err != nil {
			code, text := statusOf(err)
			http.Error(w, text, code)
		}
	}
}

// limited runs h when it is its turn, and for as long as a query may take.
func (s *Server) limited(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		wait := time.NewTimer(queueTime)
		defer wait.Stop()
		select {
		case s.running <- struct{}{}:
			defer func() { <-s.running }()
		case <-wait.C:
			return &apiError{http.StatusTooManyRequests, "too many outstanding requests"}
		case <-r.Context().Done():
			return r.Context().Err()
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.Timeout)
		defer cancel()
		return h(w, r.WithContext(ctx))
	}
}

// apiError is an error with its HTTP status.
type apiError struct {
	code int
	text string
}

func (e *apiError) Error() string { return e.text }

func badRequest(text string) error { return &apiError{http.StatusBadRequest, text} }

// statusOf says how an error is answered. Texts of unexpected errors stay here: they could name paths.
func statusOf(err error) (int, string) {
	var api *apiError
	var parse *logql.ParseError
	switch {
	case errors.As(err, &api):
		return api.code, api.text
	case errors.As(err, &parse):
		return http.StatusBadRequest, parse.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the query took too long: narrow the time range or the selector"
	case errors.Is(err, context.Canceled):
		return 499, "the client has gone" // As nginx and Loki say; nobody reads it.
	case errors.Is(err, tail.ErrUnsupported):
		return http.StatusNotImplemented, "this tailer does not tell the times of lines, so only the live tail works"
	case errors.Is(err, tail.ErrPluginGone):
		return http.StatusServiceUnavailable, "the plugin is restarting: try again"
	case errors.Is(err, tail.ErrTooMany):
		return http.StatusTooManyRequests, "too many outstanding requests"
	}
	return http.StatusInternalServerError, "the logs cannot be read now"
}

// jobOf is the name of a log's file without what follows its first dot.
func jobOf(log string) string {
	base := path.Base(log)
	if name, _, _ := strings.Cut(base, "."); name != "" {
		return name
	}
	return base
}

func goVersion() string { return runtime.Version() }
