package loki

import (
	"fmt"
	"strings"
	"testing"
)

const aTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

func TestTraceOf_UsualLines(t *testing.T) {
	for line, want := range map[string]string{
		"x trace_id=" + aTrace + " y":                     aTrace,
		`{"msg":"x","traceId":"` + aTrace + `"}`:          aTrace,
		`{"TraceID" : "` + strings.ToUpper(aTrace) + `"}`: aTrace,
		"trace-id: " + aTrace:                             aTrace,
		"trace.id='" + aTrace + "'":                       aTrace,
		"a trace of it; trace_id=" + aTrace:               aTrace,
		"trace_id=" + aTrace + "0":                        "",
		"trace_id=" + aTrace[1:]:                          "",
		"race_id=" + aTrace:                               "",
		"trace_id " + aTrace:                              "",
		"trace=" + aTrace:                                 "",
		"trace_id=":                                       "",
		"trace":                                           "",
		"":                                                "",
		strings.Repeat("x", maxTraceLook) + "trace_id=" + aTrace: "",
	} {
		if got := traceOf([]byte(line)); got != want {
			t.Errorf("%.60q: got %q, want %q", line, got, want)
		}
	}
}

func TestQuery_LineThatNamesATrace_HasItAsALabel(t *testing.T) {
	m, web, _ := newTest(t, nil)
	m.write("/t.txt", noon.Add(-1), "one trace_id="+aTrace, "two")
	for _, q := range []string{`{job="t"}`, `{job="t"} | trace_id="` + aTrace + `"`, `{job="t"} | logfmt`} {
		_, body, _ := get(t, web, "/loki/api/v1/query_range", "query", q, "end", ns(10))
		if !strings.Contains(body, `"trace_id":"`+aTrace+`"`) || !strings.Contains(body, "one trace_id=") {
			t.Errorf("%s: %s", q, body)
		}
		if strings.Contains(q, "| trace_id") == strings.Contains(body, `"two"`) {
			t.Errorf("%s: %s", q, body)
		}
	}
	if _, body, _ := get(t, web, "/loki/api/v1/query", "query", `count_over_time({job="t"}[1h])`, "time", ns(10)); strings.Contains(body, "trace_id") || !strings.Contains(body, `"2"]`) {
		t.Errorf("a metric: %s", body)
	}
	if _, body, _ := get(t, web, "/loki/api/v1/query", "query", `sum by (trace_id) (count_over_time({job="t"}[1h]))`, "time", ns(10)); !strings.Contains(body, aTrace) {
		t.Errorf("a sum by trace: %s", body)
	}
}

func TestProcessor_EveryLineAnotherSet_MemoryIsBounded(t *testing.T) {
	p := newProcessor(nil)
	for i := range 3 * maxSets {
		p.sets[fmt.Sprint(i)] = &labelSet{}
		p.forget()
	}
	if len(p.sets) > maxSets+1 {
		t.Errorf("%d sets", len(p.sets))
	}
}
