package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/verify"
)

// current is the newest state of something that reports now and then.
type current[T any] struct {
	mu sync.Mutex // guards v
	v  T
}

func (c *current[T]) set(v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.v = v
}

func (c *current[T]) get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.v
}

// sample is the value of a metric.
type sample struct {
	name, help string
	kind       prometheus.ValueType
	value      float64
}

// collector makes metrics of samples that are taken when somebody asks.
type collector func() []sample

// Describe describes nothing: the metrics are those that Collect brings.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect brings the metrics.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c() {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("livetail_simulator_"+s.name, s.help, nil, nil), s.kind, s.value)
	}
}

// serveMetrics serves metrics at an address, if there is one, until the function it returns is called.
func serveMetrics(addr string, samples func() []sample) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, usage(fmt.Errorf("metrics: %w", err))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(samples))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() { // Ends when stop closes the server.
		defer close(done)
		if err := s.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			return
		}
	}()
	return func() { _ = s.Close(); <-done }, nil
}

func runSamples(r simulator.Report) []sample {
	return []sample{
		{"lines_total", "Lines that are on disk.", prometheus.CounterValue, float64(r.Lines)},
		{"bytes_total", "Bytes that are on disk.", prometheus.CounterValue, float64(r.Bytes)},
		{"rotations_total", "Rotations.", prometheus.CounterValue, float64(r.Rotations)},
		{"torn_lines_total", "Lines of which only the beginning is on disk.", prometheus.CounterValue, float64(r.Torn)},
		{"blocked_seconds_total", "Time during which nothing could be written.", prometheus.CounterValue, r.Blocked.Seconds()},
		{"files", "Logs that are written.", prometheus.GaugeValue, float64(len(r.Files))},
	}
}

func verifySamples(r verify.Report) []sample {
	ok := 0.0
	if r.OK {
		ok = 1
	}
	return []sample{
		{"verify_ok", "1 while every line is accounted for.", prometheus.GaugeValue, ok},
		// Lines that are missing may still come, so that these may fall.
		{"verify_written", "Lines that were written, up to the last that came.", prometheus.GaugeValue, float64(r.Written)},
		{"verify_delivered", "Different lines that came intact.", prometheus.GaugeValue, float64(r.Delivered)},
		{"verify_declared", "Lines that did not come, which the follower said.", prometheus.GaugeValue, float64(r.Declared)},
		{"verify_lost", "Lines that did not come, of which the follower said nothing.", prometheus.GaugeValue, float64(r.Lost)},
		{"verify_doubled_total", "Lines that came again.", prometheus.CounterValue, float64(r.Doubled)},
		{"verify_reordered_total", "Lines that came later than they should have.", prometheus.CounterValue, float64(r.Reordered)},
		{"verify_late_total", "Lines that came late and were called so.", prometheus.CounterValue, float64(r.Late)},
		{"verify_corrupted_total", "Lines that do not match their checksum.", prometheus.CounterValue, float64(r.Corrupted)},
		{"verify_unmarked_total", "Lines without a mark.", prometheus.CounterValue, float64(r.Unmarked)},
		{"verify_latency_p50_seconds", "Half of all lines came within this time.", prometheus.GaugeValue, r.Latency.P50.Seconds()},
		{"verify_latency_p99_seconds", "99 % of all lines came within this time.", prometheus.GaugeValue, r.Latency.P99.Seconds()},
	}
}
