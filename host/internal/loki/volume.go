package loki

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// volumeQuery is a question how many bytes of lines there are, by label.
type volumeQuery struct {
	metric *logql.Metric
	// byName adds up all values of a label; otherwise each combination of values counts for itself.
	byName bool
	limit  int
}

// volumeParams reads a request for volumes. It counts by the labels that the selector names, unless targetLabels says others.
func (s *Server) volumeParams(r *http.Request) (volumeQuery, error) {
	sel, err := logql.ParseSelector(r.Form.Get("query"))
	if err != nil {
		return volumeQuery{}, err
	}
	limit, err := intParam(r, "limit", defaultLimit)
	switch {
	case err != nil:
		return volumeQuery{}, err
	case limit <= 0:
		return volumeQuery{}, badRequest("limit must be a positive value")
	}
	var by []string
	for name := range strings.SplitSeq(r.Form.Get("targetLabels"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			by = append(by, name)
		}
	}
	if len(by) == 0 && r.Form.Get("aggregateBy") != "labels" {
		for _, m := range sel {
			by = append(by, m.Name)
		}
	}
	slices.Sort(by)
	q := volumeQuery{limit: limit}
	switch how := r.Form.Get("aggregateBy"); how {
	case "", "series":
	case "labels":
		q.byName = true
	default:
		return volumeQuery{}, badRequest("invalid aggregation option")
	}
	q.metric = &logql.Metric{Func: logql.BytesOverTime, Log: &logql.Log{Selector: sel}, Sum: true, By: slices.Compact(by)}
	if len(by) == 0 { // Nothing is named: all labels of logs count.
		q.metric.Without, q.metric.By = true, []string{detectedLevel, traceLabel}
	}
	return q, nil
}

// volumeOf is how much there is with some labels, at each point of a grid.
type volumeOf struct {
	metric []byte
	points []float64
	total  float64
}

// volumes counts, biggest first.
func (s *Server) volumes(r *http.Request, q volumeQuery, g grid, lacks *missing) ([]*volumeOf, error) {
	list, err := s.evaluate(r.Context(), q.metric, g, lacks)
	if err != nil {
		return nil, err
	}
	all := map[string]*volumeOf{}
	var out []*volumeOf
	for _, x := range list {
		keys := []string{string(x.set.json)}
		if q.byName {
			if keys, err = namesOnly(x.set.json); err != nil {
				return nil, err
			}
		}
		for _, key := range keys {
			v := all[key]
			if v == nil {
				v = &volumeOf{metric: []byte(key), points: make([]float64, g.n)}
				all[key] = v
				out = append(out, v)
			}
			x.each(q.metric, g, func(at int64, bytes float64) {
				v.points[(at-g.start)/g.step] += bytes
				v.total += bytes
			})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].total > out[j].total })
	return out[:min(len(out), q.limit)], nil
}

// namesOnly are the sets of labels for volumes by name: each name of a set alone, without a value.
func namesOnly(set []byte) (out []string, err error) {
	var labels map[string]string
	if err := json.Unmarshal(set, &labels); err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, string(appendLabels(nil, []logql.Label{{Name: name}})))
	}
	return out, nil
}

// volume answers /loki/api/v1/index/volume: how many bytes of lines there are in a range of time.
func (s *Server) volume(w http.ResponseWriter, r *http.Request) error {
	q, err := s.volumeParams(r)
	if err != nil {
		return err
	}
	start, end, err := s.timeRange(r)
	if err != nil {
		return err
	}
	if end <= start {
		return badRequest("end timestamp must not be before or equal to start time")
	}
	q.metric.Range = time.Duration(end - start)
	var lacks missing
	// The last moment is not in the range.
	list, err := s.volumes(r, q, grid{start: end - 1, step: 1, n: 1}, &lacks)
	if err != nil {
		return err
	}
	out := resultStart("vector", &lacks)
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, `{"metric":`...), v.metric...), `,"value":`...)
		out = append(appendSample(out, end, v.total), '}')
	}
	return writeJSON(w, append(out, resultEnd...))
}

// volumeRange answers /loki/api/v1/index/volume_range: the same for each step.
func (s *Server) volumeRange(w http.ResponseWriter, r *http.Request) error {
	q, err := s.volumeParams(r)
	if err != nil {
		return err
	}
	start, end, err := s.timeRange(r)
	if err != nil {
		return err
	}
	step, err := stepParam(r, start, end)
	if err != nil {
		return err
	}
	if end <= start {
		return badRequest("end timestamp must not be before or equal to start time")
	}
	// Each point counts the step that begins with it.
	g, err := s.newGrid(start+step-1, end+step-2, step)
	if err != nil {
		return err
	}
	q.metric.Range = time.Duration(step)
	var lacks missing
	list, err := s.volumes(r, q, g, &lacks)
	if err != nil {
		return err
	}
	out := resultStart("matrix", &lacks)
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, `{"metric":`...), v.metric...), `,"values":[`...)
		n := 0
		for j, bytes := range v.points {
			if bytes == 0 {
				continue
			}
			if n++; n > 1 {
				out = append(out, ',')
			}
			out = appendSample(out, start+int64(j)*step, bytes)
		}
		out = append(out, "]}"...)
	}
	return writeJSON(w, append(out, resultEnd...))
}
