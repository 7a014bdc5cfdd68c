// Package perlog holds settings that can differ from log to log, such as the encoding: a value for all, and others for some by the patterns of
// their paths.
package perlog

import (
	"fmt"
	"path"
	"strings"
)

// Rules say which value a setting has for a log. The zero value says the zero value for all. They do not change.
type Rules[V any] struct {
	first []rule[V] // the first that fits decides
	rest  V
}

type rule[V any] struct {
	pattern string
	is      V
}

// maxRules bounds how many rules there may be: each log that is opened is held against all of them.
const maxRules = 1000

// Parse reads rules, each VALUE, for all logs that no other rule is about, or PATTERN=VALUE. A pattern is the path of a log in which *, ? and
// […] stand for what they do in a shell; or that of a folder with a slash at its end, for all below it. The errors do not name the setting.
func Parse[V any](texts []string, value func(string) (V, error)) (Rules[V], error) {
	var r Rules[V]
	if len(texts) > maxRules {
		return r, fmt.Errorf("%d are given; %d are allowed", len(texts), maxRules)
	}
	for _, text := range texts {
		pattern, name := "", text
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			pattern, name = text[:i], text[i+1:]
		}
		v, err := value(name)
		switch {
		case err != nil:
			return Rules[V]{}, err
		case pattern == "" && name == text:
			r.rest = v
			continue
		case !strings.HasPrefix(pattern, "/"):
			return Rules[V]{}, fmt.Errorf("the pattern of %q must be an absolute path, as in /var/log/old/*.log=%s", text, name)
		}
		if _, err := path.Match(pattern, "/"); err != nil {
			return Rules[V]{}, fmt.Errorf("the pattern of %q cannot be read: %w", text, err)
		}
		r.first = append(r.first, rule[V]{pattern, v})
	}
	return r, nil
}

// Of returns the value for the log at an absolute path.
func (r Rules[V]) Of(log string) V {
	for _, rule := range r.first {
		if strings.HasSuffix(rule.pattern, "/") && strings.HasPrefix(log, rule.pattern) {
			return rule.is
		}
		if ok, _ := path.Match(rule.pattern, log); ok { // Its error was told by Parse.
			return rule.is
		}
	}
	return r.rest
}
