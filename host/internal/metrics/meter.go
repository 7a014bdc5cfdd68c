package metrics

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livetail/livetail/plugin/tail"
)

// meterTime is how long a scrape waits for the plugins, which may hang.
const meterTime = time.Second

// Meter is a tailer that counts, mounted somewhere.
type Meter struct {
	// Mount is the prefix, from the configuration.
	Mount string
	tail.Meter
}

// WatchMeters adds what tailers count, under names of their own: livetail_tailer_ and the tailer's name for it. They are asked at each scrape,
// together; one that does not answer, or says what cannot be used, is left out of that scrape, which says so. Of one that does not count, nothing is
// said.
func (m *Metrics) WatchMeters(meters []Meter) {
	m.registry.MustRegister(&meterCollector{meters: meters, answered: prometheus.NewDesc(namespace+"_tailer_metrics_answered",
		"1 if the tailer said what it counts, for this scrape; missing for one that does not count.", []string{"mount"}, nil)})
}

// meterCollector describes nothing in advance but whether the tailers answered: what they count is their own affair, and may change with
// a plugin.
type meterCollector struct {
	meters   []Meter
	answered *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (c *meterCollector) Describe(out chan<- *prometheus.Desc) { out <- c.answered }

// Collect implements [prometheus.Collector].
func (c *meterCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), meterTime)
	defer cancel()
	answers, mute := make([][]tail.Metric, len(c.meters)), make([]bool, len(c.meters))
	var asking sync.WaitGroup
	for i, m := range c.meters {
		asking.Go(func() {
			metrics, err := m.Metrics(ctx)
			if err == nil {
				err = tail.CheckMetrics(metrics) // A tailer in this process has not been checked yet; one wrong sample would spoil the whole scrape.
			}
			if err == nil {
				answers[i] = slices.Clip(append([]tail.Metric{}, metrics...)) // Not nil, even if there are none.
			}
			mute[i] = errors.Is(err, tail.ErrUnsupported)
		})
	}
	asking.Wait()
	seen := map[string]tail.Metric{"metrics_answered": {}} // That one is ours.
	for i, m := range c.meters {
		up := 0.0
		if answers[i] != nil {
			up = 1
		}
		if !mute[i] {
			out <- prometheus.MustNewConstMetric(c.answered, prometheus.GaugeValue, up, m.Mount)
		}
		for _, x := range answers[i] {
			first, ok := seen[x.Name]
			if !ok {
				seen[x.Name], first = x, x
			}
			if alike(first, x) {
				send(out, first.Help, m.Mount, x)
			}
		}
	}
}

// alike reports whether samples of both can stand under one name: two tailers may mean different things by it.
func alike(a, b tail.Metric) bool {
	if a.Name == "" || a.Counter != b.Counter {
		return false
	}
	return len(a.Samples) == 0 || len(b.Samples) == 0 ||
		slices.EqualFunc(a.Samples[0].Labels, b.Samples[0].Labels, func(x, y tail.Label) bool { return x.Name == y.Name })
}

func send(out chan<- prometheus.Metric, help, mount string, m tail.Metric) {
	kind := prometheus.GaugeValue
	if m.Counter {
		kind = prometheus.CounterValue
	}
	for _, s := range m.Samples {
		names, values := []string{"mount"}, []string{mount}
		for _, l := range s.Labels {
			names, values = append(names, l.Name), append(values, l.Value)
		}
		desc := prometheus.NewDesc(namespace+"_tailer_"+m.Name, help, names, nil)
		if x, err := prometheus.NewConstMetric(desc, kind, s.Value, values...); err == nil { // Not for a label of the tailer's own that is called mount.
			out <- x
		}
	}
}
