package loki

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// idLike is a value that says nothing about a log: a number or a UUID.
var idLike = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$`)

// detectedLabels answers /loki/api/v1/detected_labels: the labels of logs with the number of their values, those left out whose values are all
// numbers or identifiers.
func (s *Server) detectedLabels(w http.ResponseWriter, r *http.Request) error {
	var m missing
	streams, err := s.asked(r, r.Form.Get("query"), &m)
	if err != nil {
		return err
	}
	values := map[string]map[string]bool{}
	for _, st := range streams {
		for _, l := range st.labels {
			if values[l.Name] == nil {
				values[l.Name] = map[string]bool{}
			}
			values[l.Name][l.Value] = true
		}
	}
	var names []string
	for name, of := range values {
		for v := range of {
			if _, err := strconv.ParseFloat(v, 64); err != nil && !idLike.MatchString(v) {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	out := []byte(`{"detectedLabels":[`)
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(append(out, `{"label":`...), name)
		out = strconv.AppendInt(append(out, `,"cardinality":`...), int64(len(values[name])), 10)
		out = append(out, '}')
	}
	return writeJSON(w, append(out, "]}"...))
}

const (
	defaultFields    = 1000 // fields or values in an answer
	defaultFieldLine = 100  // lines that are looked at
)

// field is what was found out about one field of lines.
type field struct {
	name    string
	values  map[string]bool
	kind    string
	parsers []string
}

// fieldsOf looks at the last lines of a query for the fields in them.
func (s *Server) fieldsOf(r *http.Request) (fields []*field, limit int, err error) {
	q, err := logql.ParseLog(r.Form.Get("query"))
	if err != nil {
		return nil, 0, err
	}
	start, end, err := s.timeRange(r)
	if err != nil {
		return nil, 0, err
	}
	if end <= start {
		return nil, 0, badRequest("end timestamp must not be before or equal to start time")
	}
	limit, err = intParam(r, "limit", 0)
	if err == nil && limit == 0 {
		limit, err = intParam(r, "field_limit", defaultFields)
	}
	if err != nil {
		return nil, 0, err
	}
	lines, err := intParam(r, "line_limit", defaultFieldLine)
	switch {
	case err != nil:
		return nil, 0, err
	case lines <= 0 || limit <= 0:
		return nil, 0, badRequest("limit must be a positive value")
	case lines > s.limits.Entries:
		lines = s.limits.Entries
	}
	var m missing
	c, err := s.collect(r.Context(), q, start, end, lines, true, &m)
	if err != nil {
		return nil, 0, err
	}
	byName := map[string]*field{}
	add := func(name, value, parser string) {
		f := byName[name]
		if f == nil {
			if len(byName) >= limit {
				return
			}
			f = &field{name: name, values: map[string]bool{}, kind: kindOf(value)}
			byName[name] = f
			fields = append(fields, f)
		}
		f.values[value] = true
		if parser != "" && !slices.Contains(f.parsers, parser) {
			f.parsers = append(f.parsers, parser)
		}
	}
	for _, found := range c.sorted() {
		add(detectedLevel, levelOf([]byte(found.line)), "")
		if trace := traceOf([]byte(found.line)); trace != "" {
			add(traceLabel, trace, "")
		}
		parser, list := logql.Fields([]byte(found.line))
		for _, f := range list {
			add(f.Name, f.Value, parser)
		}
	}
	slices.SortFunc(fields, func(a, b *field) int { return cmp.Compare(a.name, b.name) })
	return fields, limit, nil
}

// detectedFields answers /loki/api/v1/detected_fields.
func (s *Server) detectedFields(w http.ResponseWriter, r *http.Request) error {
	fields, limit, err := s.fieldsOf(r)
	if err != nil {
		return err
	}
	out := []byte(`{"fields":[`)
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(append(out, `{"label":`...), f.name)
		out = append(append(append(out, `,"type":"`...), f.kind...), `","cardinality":`...)
		out = strconv.AppendInt(out, int64(len(f.values)), 10)
		if len(f.parsers) == 0 {
			out = append(out, `,"parsers":null`...)
		} else {
			out = appendStrings(append(out, `,"parsers":`...), f.parsers)
		}
		out = append(out, '}')
	}
	out = strconv.AppendInt(append(out, `],"limit":`...), int64(limit), 10)
	return writeJSON(w, append(out, '}'))
}

// detectedValues answers /loki/api/v1/detected_field/NAME/values.
func (s *Server) detectedValues(w http.ResponseWriter, r *http.Request) error {
	fields, limit, err := s.fieldsOf(r)
	if err != nil {
		return err
	}
	var values []string
	for _, f := range fields {
		if f.name == r.PathValue("name") {
			for v := range f.values {
				values = append(values, v)
			}
		}
	}
	slices.Sort(values)
	out := appendStrings([]byte(`{"values":`), values[:min(len(values), limit)])
	out = strconv.AppendInt(append(out, `,"limit":`...), int64(limit), 10)
	return writeJSON(w, append(out, '}'))
}

// kindOf says what a value of a field can be compared with.
func kindOf(value string) string {
	if _, err := strconv.ParseInt(value, 10, 64); err == nil {
		return "int"
	}
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return "float"
	}
	if _, err := strconv.ParseBool(value); err == nil {
		return "boolean"
	}
	if _, err := time.ParseDuration(value); err == nil {
		return "duration"
	}
	if logql.IsSize(strings.TrimSpace(value)) {
		return "bytes"
	}
	return "string"
}
