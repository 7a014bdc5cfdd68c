package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/supervise"
)

var pluginStates = []supervise.State{supervise.StateStarting, supervise.StateUp, supervise.StateRestarting, supervise.StateDown, supervise.StateStopped}

// WatchHub adds what stats returns, which is called at each scrape.
func (m *Metrics) WatchHub(stats func() hub.Stats) {
	c := collector{}
	read := func(get func(hub.Stats) float64) func(any) float64 {
		return func(s any) float64 { return get(s.(hub.Stats)) }
	}
	c.gauge("sessions_private", "Sessions that read by themselves, because they are catching up.", read(func(s hub.Stats) float64 { return float64(s.Private) }))
	c.gauge("feeds", "Readings that caught-up sessions share.", read(func(s hub.Stats) float64 { return float64(s.Feeds) }))
	c.gauge("feed_ring_bytes", "Memory that the rings of all feeds hold.", read(func(s hub.Stats) float64 { return float64(s.RingBytes) }))
	c.counter("feed_joins_total", "Times that a session had caught up and joined a feed.", read(func(s hub.Stats) float64 { return float64(s.Joined) }))
	c.counter("feed_leftbehind_total", "Times that a session could not keep up with its feed and went on by itself.", read(func(s hub.Stats) float64 { return float64(s.FellOut) }))
	c.counter("readings_parked_total", "Times that the reading of a session was closed because it did not ask for more.", read(func(s hub.Stats) float64 { return float64(s.Parked) }))
	c.counter("heartbeat_calls_total", "Times that the heartbeat call to the plugin was made; it is made again after a restart.", read(func(s hub.Stats) float64 { return float64(s.HeartbeatCalls) }))
	c.look = func() any { return stats() }
	m.registry.MustRegister(&c)
}

// Plugin is a plugin that is mounted somewhere.
type Plugin struct {
	// Mount is the prefix, from the configuration.
	Mount  string
	Status func() supervise.Status
}

// WatchPlugins adds how plugins are, which they are asked at each scrape.
func (m *Metrics) WatchPlugins(plugins []Plugin) {
	for _, p := range plugins {
		m.watchPlugin(p)
	}
}

func (m *Metrics) watchPlugin(p Plugin) {
	c := collector{}
	read := func(get func(supervise.Status) float64) func(any) float64 {
		return func(s any) float64 { return get(s.(supervise.Status)) }
	}
	is := func(want supervise.State) func(supervise.Status) float64 {
		return func(s supervise.Status) float64 {
			if s.State == want {
				return 1
			}
			return 0
		}
	}
	mounted := prometheus.Labels{"mount": p.Mount}
	c.labelled(prometheus.GaugeValue, "plugin_up", "1 while the plugin process answers.", mounted, read(is(supervise.StateUp)))
	c.labelled(prometheus.CounterValue, "plugin_restarts_total", "Plugin processes that were started in place of one that died or hung.", mounted,
		read(func(s supervise.Status) float64 { return float64(s.Restarts) }))
	c.labelled(prometheus.CounterValue, "plugin_hangs_total", "Plugin processes that were killed because they gave no sign of life.", mounted,
		read(func(s supervise.Status) float64 { return float64(s.Hangs) }))
	c.labelled(prometheus.GaugeValue, "plugin_heartbeat_age_seconds", "Time since the last sign of life of the plugin, which gives one every second; 0 before the first.",
		mounted, read(func(s supervise.Status) float64 {
			if s.Alive.IsZero() {
				return 0
			}
			return max(0, time.Since(s.Alive).Seconds())
		}))
	for _, state := range pluginStates {
		c.labelled(prometheus.GaugeValue, "plugin_state", "1 for the state that the plugin is in.",
			prometheus.Labels{"mount": p.Mount, "state": state.String()}, read(is(state)))
	}
	c.look = func() any { return p.Status() }
	m.registry.MustRegister(&c)
}

// collector takes one look at something at each scrape, so that its numbers belong together.
type collector struct {
	look  func() any
	parts []part
}

type part struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(any) float64
}

func (c *collector) gauge(name, help string, read func(any) float64) {
	c.parts = append(c.parts, part{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), prometheus.GaugeValue, read})
}

func (c *collector) counter(name, help string, read func(any) float64) {
	c.parts = append(c.parts, part{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), prometheus.CounterValue, read})
}

func (c *collector) labelled(kind prometheus.ValueType, name, help string, labels prometheus.Labels, read func(any) float64) {
	c.parts = append(c.parts, part{prometheus.NewDesc(namespace+"_"+name, help, nil, labels), kind, read})
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, p := range c.parts {
		out <- p.desc
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	seen := c.look()
	for _, p := range c.parts {
		out <- prometheus.MustNewConstMetric(p.desc, p.kind, p.read(seen))
	}
}
