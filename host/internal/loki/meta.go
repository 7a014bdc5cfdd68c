package loki

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// asked lists the logs that a request for labels means: by its range of time and, if there is one, its query.
func (s *Server) asked(r *http.Request, query string, m *missing) ([]stream, error) {
	var sel logql.Selector
	if query != "" {
		var err error
		if sel, err = logql.ParseSelector(query); err != nil {
			return nil, err
		}
	}
	start, _, err := s.timeRange(r)
	if err != nil {
		return nil, err
	}
	return s.streams(r.Context(), sel, start, s.limits.Streams, m)
}

// labels answers /loki/api/v1/labels: the names.
func (s *Server) labels(w http.ResponseWriter, r *http.Request) error {
	var m missing
	streams, err := s.asked(r, r.Form.Get("query"), &m)
	if err != nil {
		return err
	}
	var names []string
	for _, st := range streams {
		for _, l := range st.labels {
			names = append(names, l.Name)
		}
	}
	return writeList(w, names, &m)
}

// labelValues answers /loki/api/v1/label/NAME/values.
func (s *Server) labelValues(w http.ResponseWriter, r *http.Request) error {
	var m missing
	streams, err := s.asked(r, r.Form.Get("query"), &m)
	if err != nil {
		return err
	}
	var values []string
	for _, st := range streams {
		if v := st.get(r.PathValue("name")); v != "" {
			values = append(values, v)
		}
	}
	return writeList(w, values, &m)
}

func writeList(w http.ResponseWriter, list []string, m *missing) error {
	slices.Sort(list)
	b := appendStrings(append(success(m), `"data":`...), slices.Compact(list))
	return writeJSON(w, append(b, '}'))
}

// maxMatches is the most selectors that one request for series may have.
const maxMatches = 32

// series answers /loki/api/v1/series. logcli says match, Grafana match[].
func (s *Server) series(w http.ResponseWriter, r *http.Request) error {
	matches := slices.Concat(r.Form["match"], r.Form["match[]"])
	if len(matches) > maxMatches {
		return badRequest("too many selectors: at most " + strconv.Itoa(maxMatches) + " are allowed")
	}
	if len(matches) == 0 {
		matches = []string{"{}"}
	}
	seen := map[string]bool{}
	var list []string
	var m missing
	for _, match := range matches {
		if match == "" {
			match = "{}"
		}
		streams, err := s.asked(r, match, &m)
		if err != nil {
			return err
		}
		for _, st := range streams {
			if !seen[st.Log] {
				seen[st.Log] = true
				list = append(list, string(appendLabels(nil, st.labels)))
			}
		}
	}
	slices.Sort(list)
	b := append(success(&m), `"data":[`...)
	for i, x := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, x...)
	}
	return writeJSON(w, append(b, "]}"...))
}

// stats answers /loki/api/v1/index/stats: how big the live files are. Lines are not counted, so entries is 0.
func (s *Server) stats(w http.ResponseWriter, r *http.Request) error {
	var m missing
	streams, err := s.asked(r, r.Form.Get("query"), &m)
	if err != nil {
		return err
	}
	chunks, bytes := 0, int64(0)
	for _, st := range streams {
		chunks += max(1, st.Generations)
		bytes += st.Size
	}
	b := []byte(`{"streams":`)
	b = strconv.AppendInt(b, int64(len(streams)), 10)
	b = append(b, `,"chunks":`...)
	b = strconv.AppendInt(b, int64(chunks), 10)
	b = append(b, `,"entries":0,"bytes":`...)
	b = strconv.AppendInt(b, bytes, 10)
	return writeJSON(w, append(b, '}'))
}

// buildInfo answers /loki/api/v1/status/buildinfo with the version of Loki whose API this is, and our own.
func (s *Server) buildInfo(w http.ResponseWriter, _ *http.Request) error {
	b := appendString([]byte(`{"version":"`+lokiVersion+`","revision":`), "livetail-"+s.opts.Version)
	b = appendString(append(b, `,"branch":"","buildUser":"","buildDate":"","goVersion":`...), goVersion())
	return writeJSON(w, append(b, '}'))
}

// ready answers /ready.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return &apiError{http.StatusServiceUnavailable, "shutting down"}
	case s.opts.Ready != nil:
		if err := s.opts.Ready(); err != nil {
			return &apiError{http.StatusServiceUnavailable, err.Error()}
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n"))
	return nil
}
