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
	plain   map[plainKey]*labelSet
	scratch []byte
}

// plainKey is all that the labels of a line depend on if the query leaves them alone.
type plainKey struct {
	st    *stream
	level string
}

func newProcessor(q *logql.Log) *processor {
	return &processor{query: q, sets: map[string]*labelSet{}, plain: map[plainKey]*labelSet{}}
}

// run returns what comes out of the query for a line of st. The line may share the memory of the one that went in.
func (p *processor) run(st *stream, line []byte) (out []byte, set *labelSet, ok bool) {
	if !p.query.Extracts() {
		if out, ok = p.query.Run(line, &p.labels); !ok {
			return nil, nil, false
		}
		key := plainKey{st, levelOf(line)}
		if trace := traceOf(line); trace != "" {
			p.setLabels(st, key.level, trace)
			return out, p.grouped(), true
		}
		if set = p.plain[key]; set == nil {
			p.setLabels(st, key.level, "")
			set = p.grouped()
			p.plain[key] = set
		}
		return out, set, true
	}
	p.setLabels(st, levelOf(line), traceOf(line))
	if out, ok = p.query.Run(line, &p.labels); !ok {
		return nil, nil, false
	}
	return out, p.grouped(), true
}

func (p *processor) setLabels(st *stream, level, trace string) {
	p.labels.Reset(st.labels)
	p.labels.Set(detectedLevel, level)
	if trace != "" {
		p.labels.Set(traceLabel, trace)
	}
}

// maxSets is how many sets of labels a live tail remembers.
const maxSets = 4096

// forget lets go of the sets if there are many, for whoever runs for long: a label may have another value in each line. The same labels may be
// another set afterwards.
func (p *processor) forget() {
	if len(p.sets) > maxSets {
		clear(p.sets)
		clear(p.plain)
	}
}

// grouped is the set of the labels as a sum leaves them.
func (p *processor) grouped() *labelSet {
	if p.group != nil {
		p.group(&p.labels)
	}
	return p.set(p.labels.Sorted())
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
