package host

import (
	"io"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"

	"github.com/livetail/livetail/plugin/tail"
)

// Config says what a [Host] serves and how. The zero value of every field but the first two is a sensible default.
type Config struct {
	// Plugin is started and looked after: when it crashes or hangs it is started again, and every viewer goes on where it was.
	Plugin *tail.LaunchOptions
	// Tailer is used instead, as it is, if Plugin is nil.
	Tailer tail.Tailer
	// Mounts are further plugins or tailers, each at a prefix of its own. If there are some, Plugin and Tailer may both be missing.
	Mounts []Mount

	// Lines is how many last lines a new viewer gets; 0 means 1000, less than 0 means none.
	Lines int
	// Heartbeat is the time between pings, HeartbeatTimeout the time to answer one; 0 means 10 s and 5 s.
	Heartbeat, HeartbeatTimeout time.Duration
	// ShutdownTimeout bounds saying good-bye to all viewers; 0 means 10 s.
	ShutdownTimeout time.Duration

	// AllowedHosts are names, with or without port, under which browsers may reach the handler, besides addresses and loopback names.
	// Others are refused, because a hostile page could otherwise reach it by pointing its own name here (DNS rebinding).
	AllowedHosts []string
	// AllowedOrigins are origins (https://name[:port]) whose pages may connect, besides the handler's own.
	AllowedOrigins []string
	// BasePath is where the handler is mounted, such as /logs; empty means the top. Requests have to arrive with it: do not strip it.
	BasePath string
	// TrustedProxies are networks, such as 10.0.0.0/8, whose word about the client's address is believed.
	TrustedProxies []string
	// TokenFile holds the credentials of those who may follow logs; see docs/security.md for its form. Empty: whoever reaches the handler may
	// follow every log of the plugin.
	TokenFile string

	// Zone names the time zone of lines whose time names none, for viewers that read times themselves, as the page does when it merges logs. It is
	// asked about the logs of Plugin or Tailer. A name of the tz database, UTC, or an offset, such as +05:30; empty, or a nil Zone: it is not known.
	Zone func(log string) string
	// TraceURL is where the page links traces to that lines name, with {trace_id} in the place of the name; empty: to the lines with that name.
	TraceURL string

	// LokiBacklog is how many lines a live tail of a Loki client begins with that does not say since when, as Grafana does each time it
	// reconnects; 0 means 10, less than 0 means none.
	LokiBacklog int

	// PluginHealthy is how long a plugin process has to live for its end to be met by a restart at once; the wait grows while they live
	// shorter. PluginFailures is how many ends within 5 minutes make the host not ready; default 1 min and 10.
	PluginHealthy  time.Duration
	PluginFailures int

	// Operators are the names of those credentials that may have plugins replaced over HTTP; none may if it is empty.
	Operators []string

	// MaxSessions and MaxSessionsPerAddress bound the viewers; 0 means 10,000 and 1,000.
	MaxSessions, MaxSessionsPerAddress int

	// Limits are the other bounds on what viewers may cost.
	Limits Limits

	// Profiles adds /debug/pprof/ to what operators are served, for a listener that only this machine reaches.
	Profiles bool

	// Version is what the handler says of itself.
	Version string
	// Traces receives spans for streams that are opened, catching up, history that is read and restarts of plugins; nil makes none. Requests
	// that carry the header traceparent go on in their trace.
	Traces trace.TracerProvider
	// Log receives what operators should know; nil discards it. The content of logs is never written to it.
	Log *logrus.Logger
}

// Mount is a plugin, or a tailer as it is, whose logs stand below a prefix: what it calls /web is /docker/web to viewers if the prefix is
// /docker. A log is that of the longest prefix.
type Mount struct {
	Prefix string
	Plugin *tail.LaunchOptions
	Tailer tail.Tailer
}

// Limits bound what viewers may cost. The zero value of a field means its default.
type Limits struct {
	// SessionRate is how many sessions per second one address may open in the long run, SessionBurst how many at once; default 50 and 200.
	// A negative rate means no limit. Loopback addresses do not count.
	SessionRate  float64
	SessionBurst int
	// Downloads is how many whole logs may be downloaded at a time; default 32.
	Downloads int
	// HandshakeTimeout bounds the handshake of TLS, and the time until the head of a request is there; default 5 s. IdleTimeout is how long
	// a connection without a request is kept; default 2 min. Both are those of the servers that [Host.Server] returns.
	HandshakeTimeout, IdleTimeout time.Duration
	// WriteTimeout is how long a viewer may take no byte of what it is sent; default 5 s.
	WriteTimeout time.Duration
	// Message is the longest message of a viewer, in bytes; default 4096.
	Message int
	// PageLines is the most lines of one page of history; default and most 10,000.
	PageLines int
	// FilterSteps is what the patterns of one filter may cost together, in steps of the compiled program; default and most 500.
	FilterSteps int
}

func (l Limits) filled() Limits {
	if l.SessionRate == 0 {
		l.SessionRate = 50
	}
	l.SessionRate = max(l.SessionRate, 0)
	l.SessionBurst = positive(l.SessionBurst, 200)
	l.Downloads = positive(l.Downloads, 32)
	l.HandshakeTimeout = positive(l.HandshakeTimeout, 5*time.Second)
	l.IdleTimeout = positive(l.IdleTimeout, 2*time.Minute)
	l.WriteTimeout = positive(l.WriteTimeout, 5*time.Second)
	return l
}

// FieldError is a mistake in one field of a [Config].
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// filled returns c with the defaults in place.
func (c Config) filled() Config {
	c.Heartbeat = positive(c.Heartbeat, 10*time.Second)
	c.HeartbeatTimeout = positive(c.HeartbeatTimeout, 5*time.Second)
	c.ShutdownTimeout = positive(c.ShutdownTimeout, 10*time.Second)
	c.MaxSessions = positive(c.MaxSessions, 10_000)
	c.MaxSessionsPerAddress = positive(c.MaxSessionsPerAddress, 1_000)
	c.Limits = c.Limits.filled()
	if c.Version == "" {
		c.Version = "unknown"
	}
	if c.Log == nil {
		c.Log = logrus.New()
		c.Log.SetOutput(io.Discard)
	}
	return c
}

func positive[N ~int | ~int64](v, otherwise N) N {
	if v > 0 {
		return v
	}
	return otherwise
}
