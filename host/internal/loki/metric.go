package loki

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// seriesOf is a series in the making: at each point, how much more than at the point before lies in the range.
type seriesOf struct {
	set          *labelSet
	count, value []float64
}

// grid is the points of time at which a metric is asked for.
type grid struct{ start, step, n int64 }

func (s *Server) newGrid(start, end, step int64) (grid, error) {
	n := (end-start)/step + 1
	if n > int64(s.limits.Points) {
		return grid{}, badRequest("exceeded maximum resolution of " + thousands(s.limits.Points) +
			" points per time series. Try increasing the value of the step parameter")
	}
	return grid{start, step, n}, nil
}

// aligned moves a range out to multiples of the step, so that a query that is asked again a little later has its points at the same times.
func aligned(start, end, step int64) (int64, int64) {
	start -= ((start % step) + step) % step
	if over := ((end % step) + step) % step; over != 0 && end < math.MaxInt64-step {
		end += step - over
	}
	return start, end
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// cover returns the points [from, to) whose range, which ends at the point and is so wide, holds the time.
func (g grid) cover(at, width int64) (from, to int64) {
	return g.firstFrom(at), g.firstFrom(at + width)
}

// firstFrom is the first point not before a time.
func (g grid) firstFrom(at int64) int64 {
	d := at - g.start
	if d <= 0 {
		return 0
	}
	return min(g.n, (d+g.step-1)/g.step)
}

// evaluate counts lines at the points of the grid. The answer is in order of the labels.
func (s *Server) evaluate(ctx context.Context, m *logql.Metric, g grid, lacks *missing) ([]*seriesOf, error) {
	width, offset := int64(m.Range), int64(m.Offset)
	// A range is open at its start and closed at its end.
	start := g.start - width - offset + 1
	end := g.start + (g.n-1)*g.step - offset + 1
	streams, err := s.streams(ctx, m.Log.Selector, start, s.limits.Streams, lacks)
	if err != nil {
		return nil, err
	}
	p := newProcessor(m.Log)
	what := ""
	p.group = func(l *logql.Labels) {
		what = l.Error()
		if what == "" {
			m.Group(l)
			if !m.Sum {
				l.Remove(traceLabel) // Each trace would be a series.
			}
		}
	}
	all := map[*labelSet]*seriesOf{}
	err = s.walkAll(ctx, streams, start, end, false, lacks, func(st *stream, r record) (bool, error) {
		line, set, ok := p.run(st, r.line)
		if !ok {
			return true, nil
		}
		if what != "" {
			return false, failure(what, set)
		}
		x := all[set]
		if x == nil {
			if len(all) >= s.limits.Series || int64(len(all)+1)*g.n > maxSamples {
				return false, badRequest(fmt.Sprintf("maximum number of series (%d) reached for a single query; consider reducing query cardinality "+
					"by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum()", len(all)))
			}
			x = &seriesOf{set, make([]float64, g.n+1), make([]float64, g.n+1)}
			all[set] = x
		}
		v := 1.0
		if m.Func == logql.BytesOverTime || m.Func == logql.BytesRate {
			v = float64(len(line))
		}
		from, to := g.cover(r.at+offset, width)
		if from < to {
			x.count[from]++
			x.count[to]--
			x.value[from] += v
			x.value[to] -= v
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]*seriesOf, 0, len(all))
	for _, x := range all {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b *seriesOf) int { return strings.Compare(string(a.set.json), string(b.set.json)) })
	return out, nil
}

// maxSamples bounds the memory of a metric query: 16 bytes for each.
const maxSamples = 2 << 20

// each calls use for every point that has lines in its range.
func (x *seriesOf) each(m *logql.Metric, g grid, use func(at int64, v float64)) {
	count, value := 0.0, 0.0
	for i := range g.n {
		count += x.count[i]
		value += x.value[i]
		if count <= 0 {
			continue
		}
		v := value
		if m.Func == logql.Rate || m.Func == logql.BytesRate {
			v /= m.Range.Seconds()
		}
		use(g.start+i*g.step, v)
	}
}

// matrix answers a metric query over a range of time.
func (s *Server) matrix(ctx context.Context, m *logql.Metric, start, end, step int64) ([]byte, error) {
	g, err := s.newGrid(start, end, step)
	if err != nil {
		return nil, err
	}
	var lacks missing
	list, err := s.evaluate(ctx, m, g, &lacks)
	if err != nil {
		return nil, err
	}
	out := resultStart("matrix", &lacks)
	n := 0
	for _, x := range list {
		points := 0
		x.each(m, g, func(at int64, v float64) {
			switch {
			case points > 0:
				out = append(out, ',')
			case n > 0:
				out = appendMetric(append(out, ','), x.set, `,"values":[`)
			default:
				out = appendMetric(out, x.set, `,"values":[`)
			}
			points++
			out = appendSample(out, at, v)
		})
		if points > 0 {
			n++
			out = append(out, "]}"...)
		}
	}
	return append(out, resultEnd...), nil
}

// vector answers a metric query about one moment.
func (s *Server) vector(ctx context.Context, m *logql.Metric, at int64) ([]byte, error) {
	g := grid{start: at, step: 1, n: 1}
	var lacks missing
	list, err := s.evaluate(ctx, m, g, &lacks)
	if err != nil {
		return nil, err
	}
	out := resultStart("vector", &lacks)
	n := 0
	for _, x := range list {
		x.each(m, g, func(at int64, v float64) {
			if n > 0 {
				out = append(out, ',')
			}
			n++
			out = append(appendSample(appendMetric(out, x.set, `,"value":`), at, v), '}')
		})
	}
	return append(out, resultEnd...), nil
}

func appendMetric(b []byte, set *labelSet, then string) []byte {
	b = append(b, `{"metric":`...)
	b = append(b, set.json...)
	return append(b, then...)
}

// constantMatrix answers a constant over a range of time.
func (s *Server) constantMatrix(c *logql.Constant, start, end, step int64) ([]byte, error) {
	g, err := s.newGrid(start, end, step)
	if err != nil {
		return nil, err
	}
	out := append(resultStart("matrix", &missing{}), `{"metric":{},"values":[`...)
	for i := range g.n {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendSample(out, g.start+i*g.step, c.Value)
	}
	return append(out, "]}"+resultEnd...), nil
}
