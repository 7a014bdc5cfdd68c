package loki

import (
	"strings"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// labelSet is the labels of a stream of results. There is one for each set, so that pointers compare.
type labelSet struct{ json []byte }

// processor sends lines through a query and finds the stream that each belongs to in the result. It is for one goroutine.
type processor struct {
	query *logql.Log
	group func(*logql.Labels) // what a sum does to the labels; nil for none

	labels  logql.Labels
	sets    map[string]*labelSet
	scratch []byte
}

func newProcessor(q *logql.Log) *processor { return &processor{query: q, sets: map[string]*labelSet{}} }

// run returns what comes out of the query for a line of st. The line may share the memory of the one that went in.
func (p *processor) run(st *stream, line []byte) (out []byte, set *labelSet, ok bool) {
	if p.query.Extracts() {
		p.setLabels(st, line)
		out, ok = p.query.Run(line, &p.labels)
	} else if out, ok = p.query.Run(line, &p.labels); ok { // Labels only matter for what passes.
		p.setLabels(st, line)
	}
	if !ok {
		return nil, nil, false
	}
	if p.group != nil {
		p.group(&p.labels)
	}
	return out, p.set(p.labels.Sorted()), true
}

func (p *processor) setLabels(st *stream, line []byte) {
	p.labels.Reset(st.labels)
	p.labels.Set(detectedLevel, levelOf(line))
}

func (p *processor) set(labels []logql.Label) *labelSet {
	p.scratch = appendLabels(p.scratch[:0], labels)
	if s, ok := p.sets[string(p.scratch)]; ok {
		return s
	}
	s := &labelSet{json: append([]byte(nil), p.scratch...)}
	p.sets[string(s.json)] = s
	return s
}

// failure is the error of a metric query for a line that went wrong on the way.
func failure(what string, set *labelSet) error {
	series := strings.NewReplacer(`":"`, `="`, `","`, `", `, `{"`, `{`).Replace(string(set.json))
	return badRequest("pipeline error: '" + what + "' for series: '" + series + "'.\n" +
		"Use a label filter to intentionally skip this error. (e.g | __error__!=\"" + what + "\").\n" +
		"To skip all potential errors you can match empty errors.(e.g __error__=\"\")")
}
