package logql

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// What Loki's own parser says of each query of a long list was written down: queries that Grafana and logcli send, those of the other tests, and many
// with a word too few, too many or changed. Each that it refuses is refused here, in its words; each that it accepts is accepted with the same meaning,
// or refused by the name of what is missing.
func TestParse_ThousandsOfQueries_AsLokiParsesThem(t *testing.T) {
	f, err := os.Open("testdata/loki.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count := map[string]int{}
	in := bufio.NewScanner(f)
	for in.Scan() {
		var c struct {
			Query   string
			Refused string
			// Conditions are those of the label filters, with parentheses as they belong together.
			Conditions *string
		}
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		q, err := Parse(c.Query)
		switch {
		case err != nil && (strings.Contains(err.Error(), "livetail does not support ") || isLimit(err)):
			count["not supported"]++
		case err != nil && err.Error() == c.Refused:
			count["refused"]++
		case err != nil && c.Refused == "" && (strings.Contains(err.Error(), "error parsing regexp") || strings.Contains(err.Error(), "consecutive capture")):
			count["refused by Loki when it runs"]++
		case err != nil:
			t.Errorf("%s\n   got %v\n  Loki %s", c.Query, err, c.Refused)
		case c.Refused != "":
			t.Errorf("%s\n  was accepted\n  Loki %s", c.Query, c.Refused)
		default:
			count["accepted"]++
			if c.Conditions != nil && conditionsOf(q) != *c.Conditions {
				t.Errorf("%s\n  means %s\n  Loki  %s", c.Query, conditionsOf(q), *c.Conditions)
			}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	t.Log(count)
	if count["accepted"] < 300 || count["refused"] < 2000 {
		t.Errorf("the list is too short: %v", count)
	}
}

func isLimit(err error) bool {
	return strings.Contains(err.Error(), " too expensive") || strings.Contains(err.Error(), " too long") || strings.Contains(err.Error(), "more than ")
}

// conditionsOf writes down the label filters of a query.
func conditionsOf(q Query) string {
	var l *Log
	switch q := q.(type) {
	case *Log:
		l = q
	case *Metric:
		l = q.Log
	default:
		return ""
	}
	var out []string
	for _, s := range l.stages {
		if f, ok := s.(labelFilter); ok {
			out = append(out, conditionText(f.condition))
		}
	}
	return strings.Join(out, " | ")
}

func conditionText(c condition) string {
	switch c := c.(type) {
	case both:
		op := ","
		if c.or {
			op = "or"
		}
		return "( " + conditionText(c.left) + " " + op + " " + conditionText(c.right) + " )"
	case textCondition:
		return fmt.Sprintf("%s%s%q", c.Name, c.Op, c.Value)
	case numberCondition:
		return c.name + c.op + fmt.Sprint(c.value)
	}
	return fmt.Sprintf("%T", c)
}

func TestMatcher_ListOfValues_IsNoExpensivePattern(t *testing.T) {
	var names []string
	for n := range 200 {
		names = append(names, fmt.Sprintf(`/var/log/service-%d/app\.log`, n))
	}
	q, err := ParseLog("{filename=~`" + strings.Join(names, "|") + "`, job!~`a|b|`}")
	if err != nil {
		t.Fatal(err)
	}
	for filename, want := range map[string]bool{
		"/var/log/service-0/app.log": true, "/var/log/service-199/app.log": true, "/var/log/service-200/app.log": false,
		"/var/log/service-0/appxlog": false, "": false, `/var/log/service-0/app\.log`: false, "var": false,
	} {
		if got := q.Selector.Matches(func(name string) string { return map[string]string{"filename": filename, "job": "c"}[name] }); got != want {
			t.Errorf("%q: %v", filename, got)
		}
	}
	for _, job := range []string{"a", "b", ""} {
		if q.Selector.Matches(func(name string) string {
			return map[string]string{"filename": "/var/log/service-0/app.log", "job": job}[name]
		}) {
			t.Errorf("job %q is let pass", job)
		}
	}
}
