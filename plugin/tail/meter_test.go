package tail_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// counting is a tailer that does nothing but count.
type counting struct {
	tail.Unimplemented
	metrics []tail.Metric
	err     error
}

func (c counting) Metrics(context.Context) ([]tail.Metric, error) { return c.metrics, c.err }

func TestMetrics_OverTheWire_ArriveAsTheyAre(t *testing.T) {
	want := []tail.Metric{
		{Name: "held_files", Help: "Files that are held.", Samples: []tail.Sample{{Value: 3}}},
		{Name: "seen_total", Help: "What was seen.", Counter: true, Samples: []tail.Sample{
			{Labels: []tail.Label{{Name: "how", Value: "by day"}}, Value: 1.5}, {Labels: []tail.Label{{Name: "how", Value: ""}}, Value: 0},
		}},
		{Name: "nothing", Help: "Nothing yet."},
	}
	got, err := tail.OverGRPC(t, counting{metrics: want}).(tail.Meter).Metrics(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := tail.OverGRPC(t, counting{err: tail.ErrUnreadable}).(tail.Meter).Metrics(t.Context()); !errors.Is(err, tail.ErrUnreadable) {
		t.Errorf("got %v", err)
	}
}

func TestMetrics_TailerThatDoesNotCount_IsUnsupported(t *testing.T) {
	if _, err := tail.OverGRPC(t, tail.Unimplemented{}).(tail.Meter).Metrics(t.Context()); !errors.Is(err, tail.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestCheckMetrics_WhatAHostCannotUse_IsRefused(t *testing.T) {
	one := func(change func(*tail.Metric)) []tail.Metric {
		m := tail.Metric{Name: "x_total", Help: "X.", Counter: true, Samples: []tail.Sample{{Labels: []tail.Label{{Name: "a", Value: "b"}}, Value: 1}}}
		change(&m)
		return []tail.Metric{m}
	}
	if err := tail.CheckMetrics(one(func(*tail.Metric) {})); err != nil {
		t.Fatal(err)
	}
	var many, samples []tail.Metric
	for i := range tail.MaxMetrics + 1 {
		many = append(many, tail.Metric{Name: fmt.Sprintf("m%d", i), Help: "M."})
	}
	samples = one(func(m *tail.Metric) {
		for i := range tail.MaxSamples {
			m.Samples = append(m.Samples, tail.Sample{Labels: []tail.Label{{Name: "a", Value: fmt.Sprint(i)}}})
		}
	})
	for name, metrics := range map[string][]tail.Metric{
		"too many":         many,
		"too many samples": samples,
		"no name":          one(func(m *tail.Metric) { m.Name = "" }),
		"capitals":         one(func(m *tail.Metric) { m.Name = "X_total" }),
		"injection":        one(func(m *tail.Metric) { m.Name = "x\ny_total" }),
		"counter's name":   one(func(m *tail.Metric) { m.Name = "x" }),
		"gauge's name":     one(func(m *tail.Metric) { m.Counter = false }),
		"no help":          one(func(m *tail.Metric) { m.Help = "" }),
		"long help":        one(func(m *tail.Metric) { m.Help = strings.Repeat("x", tail.MaxMetricText+1) }),
		"no number":        one(func(m *tail.Metric) { m.Samples[0].Value = math.NaN() }),
		"infinite":         one(func(m *tail.Metric) { m.Samples[0].Value = math.Inf(1) }),
		"negative":         one(func(m *tail.Metric) { m.Samples[0].Value = -1 }),
		"label's name":     one(func(m *tail.Metric) { m.Samples[0].Labels[0].Name = "__name__" }),
		"label's value":    one(func(m *tail.Metric) { m.Samples[0].Labels[0].Value = "\xff" }),
		"label twice":      one(func(m *tail.Metric) { m.Samples[0].Labels = append(m.Samples[0].Labels, m.Samples[0].Labels[0]) }),
		"sample twice":     one(func(m *tail.Metric) { m.Samples = append(m.Samples, m.Samples[0]) }),
		"other labels":     one(func(m *tail.Metric) { m.Samples = append(m.Samples, tail.Sample{Value: 1}) }),
		"metric twice":     append(one(func(*tail.Metric) {}), one(func(*tail.Metric) {})...),
	} {
		if err := tail.CheckMetrics(metrics); !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := tail.OverGRPC(t, counting{metrics: metrics}).(tail.Meter).Metrics(t.Context()); err == nil {
			t.Errorf("%s: came over the wire", name)
		}
	}
}
