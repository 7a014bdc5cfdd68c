package metrics

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livetail/livetail/plugin/tail"
)

// maxSources bounds the values of the label source; logs of further ones are counted as "other".
const maxSources = 100

// sourceTime is how long a reading waits to be told what the sources are. If there is no answer, they are asked for again a little later.
const (
	sourceTime  = time.Second
	sourcePause = 5 * time.Second
)

// sourceMetrics are about where lines come from. A source is what the configuration names: a folder or a file that may be followed, by the name that
// viewers know it by; never a log.
type sourceMetrics struct {
	count            prometheus.Gauge
	lines, bytes     *prometheus.CounterVec
	long             *prometheus.CounterVec
	rotations, fails *prometheus.CounterVec
}

func newSourceMetrics(f maker) sourceMetrics {
	m := sourceMetrics{
		count: f.gauge("sources", "Folders and files of the configuration below which logs may be followed, as far as plugins have been asked."),
		lines: f.counterVec("source_read_lines_total", "Lines that came from the plugin, pieces of long lines included.", "source"),
		bytes: f.counterVec("source_read_bytes_total", "Bytes of lines that came from the plugin.", "source"),
		long:  f.counterVec("source_long_lines_total", "Lines that were so long that they came in pieces.", "source"),
		rotations: f.counterVec("source_rotations_total", "Rotations and truncations of logs, once for each reading that met them, and how their order is known.",
			"source", "kind", "order"),
		fails: f.counterVec("source_errors_total", "Readings of logs that ended with an error.", "source", "reason"),
	}
	m.of(other)
	m.rotations.WithLabelValues(other, hows[0], orders[0])
	m.fails.WithLabelValues(other, other)
	return m
}

// sourceCounts are those of one source.
type sourceCounts struct {
	all                *sourceMetrics
	name               string
	lines, bytes, long prometheus.Counter
}

func (m *sourceMetrics) of(name string) *sourceCounts {
	return &sourceCounts{m, name, m.lines.WithLabelValues(name), m.bytes.WithLabelValues(name), m.long.WithLabelValues(name)}
}

// event counts e, which may be nil.
func (c *sourceCounts) event(e tail.Event) {
	switch e := e.(type) {
	case tail.Lines:
		c.lines.Add(float64(countLines(e)))
		c.bytes.Add(float64(len(e.Text)))
		if e.Piece == tail.PieceFirst {
			c.long.Inc()
		}
	case tail.Boundary:
		c.all.rotations.WithLabelValues(c.name, oneOf(hows, e.How.String()), oneOf(orders, e.Order.String())).Inc()
	case tail.Truncated:
		c.all.rotations.WithLabelValues(c.name, "truncated", tail.OrderObserved.String()).Inc()
	}
}

// ended counts the end of a reading.
func (c *sourceCounts) ended(err error) {
	if reason := errorName(err); err != nil && reason != "cancelled" {
		c.all.fails.WithLabelValues(c.name, reason).Inc()
	}
}

// sources are those of one tailer.
type sources struct {
	mount string // the prefix of their names

	mu     sync.Mutex // guards the rest
	known  bool
	asking chan struct{} // closed when the tailer that is being asked has answered, or not; nil while it is not being asked
	asked  time.Time
	roots  map[string]*sourceCounts // by the names that the tailer knows them by
	rest   *sourceCounts
}

// of returns the counts for a log of t: those of the longest root that it is, or is below. It asks t for its roots until that has answered; sure is
// false as long as it has not.
func (s *sources) of(ctx context.Context, t tail.Tailer, m *sourceMetrics, log string) (c *sourceCounts, sure bool) {
	s.mu.Lock()
	if s.rest == nil {
		s.rest = m.of(other)
	}
	ask := !s.known && s.asking == nil && time.Since(s.asked) > sourcePause
	if ask {
		s.asking = make(chan struct{})
	}
	asking := s.asking
	s.mu.Unlock()
	switch {
	case ask:
		s.learn(ctx, t, m)
	case asking != nil:
		select {
		case <-asking:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(log), s.known
}

// find looks a log up. It is called with mu held.
func (s *sources) find(log string) *sourceCounts {
	for at := log; at != ""; {
		if c := s.roots[at]; c != nil {
			return c
		}
		switch i := strings.LastIndexByte(at, '/'); {
		case i > 0:
			at = at[:i]
		case at == "/":
			return s.rest
		default:
			at = "/"
		}
	}
	return s.rest
}

// learn asks the tailer for its roots.
func (s *sources) learn(ctx context.Context, t tail.Tailer, m *sourceMetrics) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	info, err := t.Info(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.asking)
	s.asking, s.asked = nil, time.Now()
	if err != nil || s.known {
		return
	}
	s.known, s.roots = true, map[string]*sourceCounts{}
	for _, root := range info.Roots {
		if len(s.roots) == maxSources || !strings.HasPrefix(root, "/") || s.roots[root] != nil {
			continue
		}
		name := strings.TrimSuffix(s.mount, "/") + strings.TrimSuffix(root, "/")
		if name == "" {
			name = "/"
		}
		s.roots[root] = m.of(name)
	}
	m.count.Add(float64(len(s.roots)))
}
