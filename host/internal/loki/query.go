package loki

import (
	"container/heap"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// queryRange answers /loki/api/v1/query_range.
func (s *Server) queryRange(w http.ResponseWriter, r *http.Request) error {
	q, err := logql.Parse(r.Form.Get("query"))
	if err != nil {
		return err
	}
	start, end, err := s.timeRange(r)
	if err != nil {
		return err
	}
	limit, err := s.limitParam(r)
	if err != nil {
		return err
	}
	backward, err := backwardParam(r)
	if err != nil {
		return err
	}
	step, err := stepParam(r, start, end)
	if err != nil {
		return err
	}
	if _, isLog := q.(*logql.Log); end < start || end == start && !isLog {
		return badRequest("end timestamp must not be before or equal to start time")
	}
	switch q := q.(type) {
	case *logql.Log:
		b, err := s.lines(r.Context(), q, start, end, limit, backward)
		if err != nil {
			return err
		}
		return writeJSON(w, b)
	case *logql.Metric:
		start, end = aligned(start, end, step)
		b, err := s.matrix(r.Context(), q, start, end, step)
		if err != nil {
			return err
		}
		return writeJSON(w, b)
	case *logql.Constant:
		start, end = aligned(start, end, step)
		b, err := s.constantMatrix(q, start, end, step)
		if err != nil {
			return err
		}
		return writeJSON(w, b)
	}
	return errors.New("a query of no known kind")
}

// query answers /loki/api/v1/query, which asks about one moment.
func (s *Server) query(w http.ResponseWriter, r *http.Request) error {
	q, err := logql.Parse(r.Form.Get("query"))
	if err != nil {
		return err
	}
	t, err := timeParam(r, "time", s.opts.Now())
	if err != nil {
		return err
	}
	at := nano(t)
	switch q := q.(type) {
	case *logql.Log:
		return badRequest("log queries are not supported as an instant query type, please change your query to a range query type")
	case *logql.Metric:
		b, err := s.vector(r.Context(), q, at)
		if err != nil {
			return err
		}
		return writeJSON(w, b)
	case *logql.Constant:
		if !q.Vector {
			b := []byte(`{"status":"success","data":{"resultType":"scalar","result":`)
			b = appendSample(b, at, q.Value)
			return writeJSON(w, append(b, `,"stats":{}}}`...))
		}
		b := append(resultStart("vector", &missing{}), `{"metric":{},"value":`...)
		b = appendSample(b, at, q.Value)
		return writeJSON(w, append(b, "}"+resultEnd...))
	}
	return errors.New("a query of no known kind")
}

// found is a line of a result.
type found struct {
	at   int64
	line string
	set  *labelSet
}

// collector keeps the lines that come first in a direction, up to a limit.
type collector struct {
	backward bool
	limit    int
	list     []found // a heap: the one that would go first is at the top
}

func (c *collector) Len() int { return len(c.list) }
func (c *collector) Less(i, j int) bool {
	if c.backward {
		return c.list[i].at < c.list[j].at
	}
	return c.list[i].at > c.list[j].at
}
func (c *collector) Swap(i, j int) { c.list[i], c.list[j] = c.list[j], c.list[i] }
func (c *collector) Push(x any)    { c.list = append(c.list, x.(found)) }
func (c *collector) Pop() any {
	last := c.list[len(c.list)-1]
	c.list = c.list[:len(c.list)-1]
	return last
}

// wants reports whether a line of this time would be kept.
func (c *collector) wants(at int64) bool {
	if len(c.list) < c.limit {
		return true
	}
	if c.limit == 0 {
		return false
	}
	if c.backward {
		return at > c.list[0].at
	}
	return at < c.list[0].at
}

func (c *collector) add(f found) {
	heap.Push(c, f)
	if len(c.list) > c.limit {
		heap.Pop(c)
	}
}

// sorted returns what was kept, in the order of the direction.
func (c *collector) sorted() []found {
	slices.SortStableFunc(c.list, func(a, b found) int {
		switch {
		case a.at == b.at:
			return 0
		case (a.at < b.at) != c.backward:
			return -1
		}
		return 1
	})
	return c.list
}

// lines answers a query for lines.
func (s *Server) lines(ctx context.Context, q *logql.Log, start, end int64, limit int, backward bool) ([]byte, error) {
	var m missing
	c, err := s.collect(ctx, q, start, end, limit, backward, &m)
	if err != nil {
		return nil, err
	}
	return encodeStreams(c.sorted(), &m), nil
}

// collect finds the first lines of a query in a direction, and notes in m what could not be looked at.
func (s *Server) collect(ctx context.Context, q *logql.Log, start, end int64, limit int, backward bool, m *missing) (*collector, error) {
	streams, err := s.streams(ctx, q.Selector, start, s.limits.Streams, m)
	if err != nil {
		return nil, err
	}
	p := newProcessor(q)
	c := &collector{backward: backward, limit: limit}
	size := int64(0)
	err = s.walkAll(ctx, streams, start, end, backward, m, func(st *stream, r record) (bool, error) {
		if !c.wants(r.at) {
			return false, nil // Nor are any that follow.
		}
		if line, set, ok := p.run(st, r.line); ok {
			size += int64(len(line))
			c.add(found{r.at, string(line), set})
		}
		if size > s.limits.ResultBytes {
			return false, badRequest("the lines found are too many bytes: ask for fewer with limit, or narrow the query")
		}
		return true, nil
	})
	return c, err
}

// encodeStreams writes lines grouped by their labels, the groups in order of those.
func encodeStreams(lines []found, m *missing) []byte {
	groups := map[*labelSet][]found{}
	var sets []*labelSet
	for _, f := range lines {
		if _, ok := groups[f.set]; !ok {
			sets = append(sets, f.set)
		}
		groups[f.set] = append(groups[f.set], f)
	}
	slices.SortFunc(sets, func(a, b *labelSet) int { return strings.Compare(string(a.json), string(b.json)) })
	out := resultStart("streams", m)
	for i, set := range sets {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"stream":`...)
		out = append(out, set.json...)
		out = append(out, `,"values":[`...)
		for j, f := range groups[set] {
			if j > 0 {
				out = append(out, ',')
			}
			out = appendEntry(out, f.at, f.line)
		}
		out = append(out, "]}"...)
	}
	return append(out, resultEnd...)
}
