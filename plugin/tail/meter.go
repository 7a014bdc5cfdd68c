package tail

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what a [Meter] may say, so that the metrics of a host stay bounded whatever its plugins do.
const (
	// MaxMetrics is the most metrics.
	MaxMetrics = 64
	// MaxSamples is the most samples of one metric.
	MaxSamples = 64
	// MaxMetricLabels is the most labels of a sample.
	MaxMetricLabels = 4
	// MaxMetricText is the longest name, help or label value, in bytes.
	MaxMetricText = 256
)

// Meter is a [Tailer] that also says what it counts, for the metrics of its host. It names [CapabilityMetrics]. It is an interface of its own
// because nothing that viewers see depends on it.
type Meter interface {
	// Metrics returns what is counted now. Hosts call it at each scrape of theirs and wait for a second at most.
	Metrics(ctx context.Context) ([]Metric, error)
}

// Metric is one number, or one for each set of labels.
type Metric struct {
	// Name is in lower case with underscores, in base units, without a prefix: the host puts its own before it. It ends with _total
	// if the metric is a counter, and only then.
	Name string
	// Help is one sentence.
	Help string
	// Counter means that it only grows, as long as the process lives; otherwise it may go up and down.
	Counter bool
	Samples []Sample
}

// Sample is a number with what tells it from others of the same metric.
type Sample struct {
	// Labels have the same names, in the same order, in all samples of a metric. Their values come from a small, closed set: never a path,
	// an address or a name, but those of the settings.
	Labels []Label
	Value  float64
}

// Label is a name with a value.
type Label struct{ Name, Value string }

// CheckMetrics says what is wrong with metrics that a [Meter] returned; nil if nothing is.
func CheckMetrics(metrics []Metric) error {
	if len(metrics) > MaxMetrics {
		return fmt.Errorf("%d metrics are more than %d: %w", len(metrics), MaxMetrics, ErrBadRequest)
	}
	names := map[string]bool{}
	for _, m := range metrics {
		if names[m.Name] {
			return fmt.Errorf("the metric %q comes twice: %w", m.Name, ErrBadRequest)
		}
		names[m.Name] = true
		if what := m.mistake(); what != "" {
			return fmt.Errorf("the metric %q %s: %w", m.Name, what, ErrBadRequest)
		}
	}
	return nil
}

// mistake says what is wrong with m.
func (m Metric) mistake() string {
	switch {
	case !isMetricName(m.Name):
		return "has a name that is not of lower-case letters, digits and underscores"
	case m.Counter != strings.HasSuffix(m.Name, "_total"):
		return "is a counter without _total at the end of its name, or no counter with it"
	case m.Help == "" || len(m.Help) > MaxMetricText || !utf8.ValidString(m.Help):
		return "has no help, too long a one, or one that is not UTF-8"
	case len(m.Samples) > MaxSamples:
		return fmt.Sprintf("has more than %d samples", MaxSamples)
	}
	seen := map[string]bool{}
	for _, s := range m.Samples {
		if what := m.mistakeIn(s); what != "" {
			return what
		}
		key := fmt.Sprintf("%q", s.Labels)
		if seen[key] {
			return fmt.Sprintf("has two samples with the labels %s", key)
		}
		seen[key] = true
	}
	return ""
}

func (m Metric) mistakeIn(s Sample) string {
	switch {
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || m.Counter && s.Value < 0:
		return "has a value that is no number, infinite, or negative for a counter"
	case len(s.Labels) > MaxMetricLabels:
		return fmt.Sprintf("has more than %d labels", MaxMetricLabels)
	case !slices.EqualFunc(s.Labels, m.Samples[0].Labels, func(a, b Label) bool { return a.Name == b.Name }):
		return "has samples whose labels have different names"
	}
	names := map[string]bool{}
	for _, l := range s.Labels {
		if !isMetricName(l.Name) || names[l.Name] || len(l.Value) > MaxMetricText || !utf8.ValidString(l.Value) {
			return fmt.Sprintf("has a label %q that comes twice, or whose name or value cannot be used", l.Name)
		}
		names[l.Name] = true
	}
	return ""
}

func isMetricName(s string) bool {
	if s == "" || len(s) > MaxMetricText || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
