// Package metrics counts what the front door does, for Prometheus, and serves that together with health and profiles on the listener for
// operators.
//
// Every name begins with livetail_. The values of labels come from closed sets: never a path, an address or a name but those of the settings, so
// that the number of series is bounded whatever peers do. A value that is not known is counted as "other".
package metrics

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// Protocols of sessions.
const (
	ProtocolPlain = "plain"          // WebSocket without a subprotocol
	ProtocolV1    = wire.Subprotocol // WebSocket
	ProtocolText  = "text"           // a chunked answer, as for curl
	ProtocolLoki  = "loki"
)

// Stages at which a peer can be refused.
const (
	StageHost   = "host"   // Host or Origin header
	StageAccess = "access" // credentials
	StageLimit  = "limit"  // number and rate of sessions
	StageLog    = "log"    // what the session asked for
	// StageRequest is what a session that stands asked for, such as a page or another filter.
	StageRequest = "request"
)

const other = "other"

var (
	protocols = []string{ProtocolPlain, ProtocolV1, ProtocolText, ProtocolLoki, other}
	refusals  = map[string][]string{
		StageHost:    {"host", "origin", other},
		StageAccess:  {string(access.ReasonMissing), string(access.ReasonWrong), string(access.ReasonTicket), string(access.ReasonLimited), string(access.ReasonBusy), "operator", other},
		StageLimit:   {"total", "address", "rate", "downloads", "handshake", other},
		StageLog:     append(closeReasons(), wire.LimitFilter, other),
		StageRequest: append(closeReasons(), wire.LimitFilter, wire.LimitPage, other),
	}
	// endings are why sessions end: one of package wire, or the peer went away.
	endings = append(closeReasons(), "peer", other)
	files   = []string{"credentials", "tls"}
	results = []string{"ok", "error"}
)

func closeReasons() (reasons []string) {
	for _, c := range wire.Closes {
		reasons = append(reasons, c.Reason)
	}
	return reasons
}

// Build says what was built, for livetail_build_info.
type Build struct{ Version, Revision string }

// Metrics is the set of all metrics. Its methods are safe for concurrent use and quick.
type Metrics struct {
	registry *prometheus.Registry

	sessions                         *prometheus.GaugeVec
	opened, closed, refused, reloads *prometheus.CounterVec
	lasted                           *prometheus.HistogramVec
	frames, lines, bytes, idle       prometheus.Counter
	roundTrip, latency, lag          prometheus.Histogram
	starts                           prometheus.Histogram
	credentials, certificateEnds     prometheus.Gauge

	tailer tailerMetrics
	http   httpMetrics
}

// New returns a set with its own registry, which also tells of the Go runtime and the process.
func New(b Build) *Metrics {
	r := prometheus.NewRegistry()
	m := &Metrics{registry: r}
	f := maker{r}

	info := f.gaugeVec("build_info", "What was built; the value is always 1.", "version", "revision", "goversion")
	info.WithLabelValues(b.Version, b.Revision, runtime.Version()).Set(1)
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.sessions = f.gaugeVec("clients", "Sessions of clients that are open.", "protocol")
	m.opened = f.counterVec("client_connections_total", "Sessions that clients opened.", "protocol")
	m.closed = f.counterVec("client_disconnects_total", "Sessions of clients that ended, and why.", "protocol", "reason")
	m.lasted = f.histogramVec("session_duration_seconds", "How long sessions lasted.", prometheus.ExponentialBuckets(1, 4, 10), "protocol")
	for _, p := range protocols {
		m.sessions.WithLabelValues(p)
		m.opened.WithLabelValues(p)
		m.lasted.WithLabelValues(p)
		for _, reason := range endings {
			m.closed.WithLabelValues(p, reason)
		}
	}
	m.refused = f.counterVec("refusals_total", "Peers that did not get what they asked for, at which stage and why.", "stage", "reason")
	for stage, reasons := range refusals {
		for _, reason := range reasons {
			m.refused.WithLabelValues(stage, reason)
		}
	}
	m.idle = f.counter("idle_connections_closed_total", "Connections that were closed because no further request came on them in time.")
	m.frames = f.counter("client_sent_frames_total", "Frames of content that were sent to clients.")
	m.lines = f.counter("client_sent_lines_total", "Lines that were sent to clients.")
	m.bytes = f.counter("client_sent_bytes_total", "Bytes of content that were sent to clients.")
	m.roundTrip = f.histogram("heartbeat_round_trip_seconds", "Time from a ping to its answer.", prometheus.ExponentialBuckets(0.0005, 2, 14))
	m.latency = f.histogram("delivery_latency_seconds",
		"Time from the arrival of lines in the host to their being written to a peer's socket; a sample of all.", prometheus.ExponentialBuckets(0.0001, 2.5, 14))
	m.starts = f.histogram("plugin_start_duration_seconds", "Time that plugin processes took to start and answer.", prometheus.ExponentialBuckets(0.01, 2, 11))
	m.lag = f.histogram("client_lag_bytes", "How far a session is behind its log's end, looked at with each ping.", prometheus.ExponentialBuckets(1024, 8, 9))

	m.reloads = f.counterVec("reloads_total", "Times that files of the configuration were read again.", "files", "result")
	for _, name := range files {
		for _, result := range results {
			m.reloads.WithLabelValues(name, result)
		}
	}
	m.credentials = f.gauge("credentials", "Credentials that are valid; 0 if none are needed.")
	m.certificateEnds = f.gauge("tls_not_after_timestamp_seconds", "When the certificate of the listener ends; 0 without TLS.")

	m.tailer = newTailerMetrics(f)
	m.http = newHTTPMetrics(f)
	return m
}

// SessionOpened counts a session that stands. protocol is one of the Protocol… constants.
func (m *Metrics) SessionOpened(protocol string) {
	protocol = oneOf(protocols, protocol)
	m.sessions.WithLabelValues(protocol).Inc()
	m.opened.WithLabelValues(protocol).Inc()
}

// SessionClosed counts the end of a session that was opened. The reason is that of a [wire.Close], or "peer" if the peer went away.
func (m *Metrics) SessionClosed(protocol, reason string, after time.Duration) {
	protocol = oneOf(protocols, protocol)
	m.sessions.WithLabelValues(protocol).Dec()
	m.closed.WithLabelValues(protocol, oneOf(endings, reason)).Inc()
	m.lasted.WithLabelValues(protocol).Observe(after.Seconds())
}

// Refused counts a peer that did not get what it asked for. stage is one of the Stage… constants.
func (m *Metrics) Refused(stage, reason string) {
	reasons, ok := refusals[stage]
	if !ok {
		stage, reasons = StageLog, nil
	}
	m.refused.WithLabelValues(stage, oneOf(reasons, reason)).Inc()
}

// IdleClosed counts a connection that was kept for another request until that took too long.
func (m *Metrics) IdleClosed() { m.idle.Inc() }

// Sent counts content that was written to peers.
func (m *Metrics) Sent(frames, lines, bytes int) {
	m.frames.Add(float64(frames))
	m.lines.Add(float64(lines))
	m.bytes.Add(float64(bytes))
}

// RoundTrip notes how long a peer took to answer a ping.
func (m *Metrics) RoundTrip(d time.Duration) { m.roundTrip.Observe(d.Seconds()) }

// Delivered notes how long lines took from their arrival in the host to a peer's socket.
func (m *Metrics) Delivered(d time.Duration) { m.latency.Observe(d.Seconds()) }

// PluginStarted notes how long a plugin process took to start and answer.
func (m *Metrics) PluginStarted(took time.Duration) { m.starts.Observe(took.Seconds()) }

// Lag notes how many bytes a session is behind the end of its log; a negative number is unknown and not counted.
func (m *Metrics) Lag(bytes int64) {
	if bytes >= 0 {
		m.lag.Observe(float64(bytes))
	}
}

// Credentials notes that the credentials file was read, and how many credentials are valid now. It fits [access.Options].OnReload.
func (m *Metrics) Credentials(valid int, err error) {
	m.credentials.Set(float64(valid))
	m.reloads.WithLabelValues("credentials", result(err)).Inc()
}

// Certificate notes that the files of the listener's TLS were read, and when the certificate in use ends. It fits
// [access.TLSOptions].OnReload.
func (m *Metrics) Certificate(ends time.Time, err error) {
	m.certificateEnds.Set(float64(ends.Unix()))
	m.reloads.WithLabelValues("tls", result(err)).Inc()
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

// oneOf returns value if it is in set, and "other" otherwise.
func oneOf(set []string, value string) string {
	for _, v := range set {
		if v == value {
			return v
		}
	}
	return other
}

// errorName is the name of what a tailer's call ended with, from a closed set.
func errorName(err error) string {
	if err == nil {
		return "ok"
	}
	return tailErrors.name(err)
}

// causes, hows and orders are the names of package tail, which are numbered without holes.
var (
	causes = names(func(n int) string { return tail.Cause(n).String() })
	hows   = names(func(n int) string { return tail.How(n).String() })
	orders = names(func(n int) string { return tail.ChainOrder(n).String() })
	truths = []string{strconv.FormatBool(false), strconv.FormatBool(true)}
)

func names(name func(int) string) (all []string) {
	for n := 1; name(n) != "unknown"; n++ {
		all = append(all, name(n))
	}
	return append(all, other)
}
