package metrics

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livetail/livetail/plugin/tail"
)

// tailerMetrics are about the calls to a tailer and what they bring.
type tailerMetrics struct {
	calls         *prometheus.HistogramVec
	ends          *prometheus.CounterVec
	follows       prometheus.Gauge
	batches, late prometheus.Counter
	truncations   prometheus.Counter
	gaps          *prometheus.CounterVec
	source        sourceMetrics
}

// errorNames maps the errors of package tail to names.
type errorNames []struct {
	err  error
	name string
}

var tailErrors = errorNames{
	{tail.ErrNotAllowed, "not_allowed"}, {tail.ErrNotFound, "not_found"}, {tail.ErrNotRegular, "not_regular"},
	{tail.ErrUnreadable, "unreadable"}, {tail.ErrPositionGone, "position_gone"}, {tail.ErrBadRequest, "bad_request"},
	{tail.ErrUnsupported, "unsupported"}, {tail.ErrTooMany, "too_many"}, {tail.ErrPluginGone, "plugin_gone"},
	{context.Canceled, "cancelled"}, {context.DeadlineExceeded, "timeout"},
}

func (n errorNames) name(err error) string {
	for _, e := range n {
		if errors.Is(err, e.err) {
			return e.name
		}
	}
	return other
}

// The methods of a tailer whose calls are timed, and the one that lasts.
var (
	timed    = []string{"info", "list", "read", "diagnose"}
	methods  = []string{"info", "list", "read", "diagnose", "follow", "scan", "heartbeat"}
	allNames = func() []string {
		all := []string{"ok", other}
		for _, e := range tailErrors {
			all = append(all, e.name)
		}
		return all
	}()
)

func newTailerMetrics(f maker) tailerMetrics {
	m := tailerMetrics{
		calls: f.histogramVec("plugin_rpc_duration_seconds", "How long calls to the plugin took, without those that last.",
			prometheus.ExponentialBuckets(0.0005, 2.5, 12), "method", "code"),
		ends:        f.counterVec("plugin_calls_total", "Calls to the plugin that ended, and how.", "method", "result"),
		follows:     f.gauge("follows", "Readings of logs under way: one for each feed and each session that reads by itself."),
		batches:     f.counter("read_batches_total", "Batches of lines that came from the plugin."),
		late:        f.counter("late_lines_total", "Lines that were written to a generation after the log had gone on to the next one."),
		truncations: f.counter("truncations_total", "Times that a log was emptied or rewritten in place, once for each reading that met it."),
		gaps:        f.counterVec("gaps_total", "Declared holes in logs, once for each reading that met them.", "cause", "certain"),
		source:      newSourceMetrics(f),
	}
	for _, method := range timed {
		m.calls.WithLabelValues(method, "ok")
	}
	for _, method := range methods {
		for _, name := range allNames {
			m.ends.WithLabelValues(method, name)
		}
	}
	for _, cause := range causes {
		for _, certain := range truths {
			m.gaps.WithLabelValues(cause, certain)
		}
	}
	return m
}

// Tailer returns t, which is mounted at a prefix, with its calls and events counted. Give the hub this one.
func (m *Metrics) Tailer(mount string, t tail.Tailer) tail.Tailer {
	return &tailer{t: t, m: &m.tailer, sources: sources{mount: mount}}
}

type tailer struct {
	t       tail.Tailer
	m       *tailerMetrics
	sources sources
}

var _ tail.Tailer = (*tailer)(nil)

// ended counts a call that ended with err; a call that its caller left is ok.
func (t *tailer) ended(method string, err error) {
	t.m.ends.WithLabelValues(method, errorName(err)).Inc()
}

// timed is ended for a call that began at start.
func (t *tailer) timed(method string, start time.Time, err error) {
	t.m.calls.WithLabelValues(method, errorName(err)).Observe(time.Since(start).Seconds())
	t.ended(method, err)
}

// Info implements [tail.Tailer].
func (t *tailer) Info(ctx context.Context) (tail.Info, error) {
	start := time.Now()
	info, err := t.t.Info(ctx)
	t.timed("info", start, err)
	return info, err
}

// List implements [tail.Tailer].
func (t *tailer) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		start, last := time.Now(), error(nil)
		defer func() { t.timed("list", start, last) }()
		for e, err := range t.t.List(ctx, req) {
			last = err
			if !yield(e, err) {
				return
			}
		}
	}
}

// Read implements [tail.Tailer].
func (t *tailer) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	start := time.Now()
	page, err := t.t.Read(ctx, req)
	t.timed("read", start, err)
	return page, err
}

// Diagnose implements [tail.Tailer].
func (t *tailer) Diagnose(ctx context.Context, log string) (tail.Report, error) {
	start := time.Now()
	report, err := t.t.Diagnose(ctx, log)
	t.timed("diagnose", start, err)
	return report, err
}

// Follow implements [tail.Tailer].
func (t *tailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		var last error
		from, sure := t.sources.of(ctx, t.t, &t.m.source, req.Log)
		t.m.follows.Inc()
		defer func() {
			t.m.follows.Dec()
			t.ended("follow", last)
			from.ended(last)
		}()
		for e, err := range t.t.Follow(ctx, req) {
			last = err
			t.m.event(e)
			if !sure {
				from, sure = t.sources.of(ctx, t.t, &t.m.source, req.Log)
			}
			from.event(e)
			if !yield(e, err) {
				return
			}
		}
	}
}

// Scan implements [tail.Tailer].
func (t *tailer) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		var last error
		defer func() { t.ended("scan", last) }()
		for r, err := range t.t.Scan(ctx, req) {
			last = err
			if !yield(r, err) {
				return
			}
		}
	}
}

// Heartbeat implements [tail.Tailer].
func (t *tailer) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		var last error
		defer func() { t.ended("heartbeat", last) }()
		for o, err := range t.t.Heartbeat(ctx, in) {
			last = err
			if !yield(o, err) {
				return
			}
		}
	}
}

// event counts e, which may be nil.
func (m *tailerMetrics) event(e tail.Event) {
	switch e := e.(type) {
	case tail.Lines:
		m.batches.Inc()
	case tail.Late:
		m.late.Add(float64(countLines(e.Lines)))
	case tail.Truncated:
		m.truncations.Inc()
	case tail.Gap:
		m.gaps.WithLabelValues(oneOf(causes, e.Cause.String()), strconv.FormatBool(e.Certain)).Inc()
	}
}

// countLines counts the lines of a batch: those with an ending, a last one without, or one piece.
func countLines(l tail.Lines) int {
	n := bytes.Count(l.Text, []byte{'\n'})
	if len(l.Text) > 0 && l.Text[len(l.Text)-1] != '\n' {
		n++
	}
	return n
}
