package tail

import (
	"context"
	"fmt"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

var _ Meter = (*client)(nil)

// Metrics implements [Meter]. What it returns has been checked.
func (c *client) Metrics(ctx context.Context) ([]Metric, error) {
	r, err := c.rpc.Metrics(ctx, &tailpb.MetricsRequest{})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	out := make([]Metric, 0, len(r.GetMetrics()))
	for _, m := range r.GetMetrics() {
		x := Metric{Name: m.GetName(), Help: m.GetHelp(), Counter: m.GetCounter()}
		for _, s := range m.GetSamples() {
			y := Sample{Value: s.GetValue()}
			for _, l := range s.GetLabels() {
				y.Labels = append(y.Labels, Label{l.GetName(), l.GetValue()})
			}
			x.Samples = append(x.Samples, y)
		}
		out = append(out, x)
	}
	if err := CheckMetrics(out); err != nil {
		return nil, fmt.Errorf("the plugin's metrics cannot be used: %w", err)
	}
	return out, nil
}

// Metrics implements [Meter]. A plugin without metrics answers with [ErrUnsupported].
func (p *Process) Metrics(ctx context.Context) ([]Metric, error) {
	if m, ok := p.Tailer.(Meter); ok {
		return m.Metrics(ctx)
	}
	return nil, ErrUnsupported
}

func (s *server) Metrics(ctx context.Context, _ *tailpb.MetricsRequest) (out *tailpb.MetricsResponse, err error) {
	defer recovered(&err)
	meter, ok := s.impl.(Meter)
	if !ok {
		return nil, toStatus(ErrUnsupported)
	}
	metrics, err := meter.Metrics(ctx)
	if err == nil {
		err = CheckMetrics(metrics) // The wire cannot carry everything.
	}
	if err != nil {
		return nil, toStatus(err)
	}
	out = &tailpb.MetricsResponse{}
	for _, m := range metrics {
		x := &tailpb.Metric{Name: m.Name, Help: m.Help, Counter: m.Counter}
		for _, s := range m.Samples {
			y := &tailpb.Sample{Value: s.Value}
			for _, l := range s.Labels {
				y.Labels = append(y.Labels, &tailpb.Label{Name: l.Name, Value: l.Value})
			}
			x.Samples = append(x.Samples, y)
		}
		out.Metrics = append(out.Metrics, x)
	}
	return out, nil
}
