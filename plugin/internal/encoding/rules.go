package encoding

import (
	"fmt"
	"path"
	"strings"
)

// Rules say how the logs are encoded that have no byte order mark. The zero value says UTF-8 for all.
type Rules struct {
	first []rule // the first that fits decides
	rest  Encoding
}

type rule struct {
	pattern string
	is      Encoding
}

// maxRules bounds how many rules there may be: each log that is opened is held against all of them.
const maxRules = 1000

// ParseRules reads rules, each NAME, for all logs that no other rule is about, or PATTERN=NAME. A pattern is the path of a log in which *, ? and
// […] stand for what they do in a shell; or that of a folder with a slash at its end, for all below it.
func ParseRules(texts []string) (Rules, error) {
	var r Rules
	if len(texts) > maxRules {
		return r, fmt.Errorf("%d encodings are given; %d are allowed", len(texts), maxRules)
	}
	for _, text := range texts {
		pattern, name := "", text
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			pattern, name = text[:i], text[i+1:]
		}
		e, err := Parse(name)
		switch {
		case err != nil:
			return Rules{}, err
		case pattern == "" && name == text:
			r.rest = e
			continue
		case !strings.HasPrefix(pattern, "/"):
			return Rules{}, fmt.Errorf("encoding %q: the pattern must be an absolute path, as in /var/log/old/*.log=gbk", text)
		}
		if _, err := path.Match(pattern, "/"); err != nil {
			return Rules{}, fmt.Errorf("encoding %q: the pattern cannot be read: %w", text, err)
		}
		r.first = append(r.first, rule{pattern, e})
	}
	return r, nil
}

// Of returns the encoding of the log at an absolute path.
func (r Rules) Of(log string) Encoding {
	for _, rule := range r.first {
		if strings.HasSuffix(rule.pattern, "/") && strings.HasPrefix(log, rule.pattern) {
			return rule.is
		}
		if ok, _ := path.Match(rule.pattern, log); ok { // Its error was told by ParseRules.
			return rule.is
		}
	}
	return r.rest
}
