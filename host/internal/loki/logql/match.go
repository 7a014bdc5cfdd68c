package logql

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Matcher is one condition on a label: =, !=, =~ or !~.
type Matcher struct {
	Name, Op, Value string

	re *regexp.Regexp
}

// newMatcher makes a matcher of the label name; its regular expression has to match the whole value.
func newMatcher(name, op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	if op == "=~" || op == "!~" {
		if _, err := syntax.Parse(value, syntax.Perl); err != nil { // So that the error shows what was asked.
			return Matcher{}, err
		}
		re, err := compile("^(?s:" + value + ")$")
		if err != nil {
			return Matcher{}, err
		}
		m.re = re
	}
	return m, nil
}

// Matches reports whether the matcher lets a value pass.
func (m Matcher) Matches(value string) bool {
	switch m.Op {
	case "=":
		return value == m.Value
	case "!=":
		return value != m.Value
	case "=~":
		return m.re.MatchString(value)
	default:
		return !m.re.MatchString(value)
	}
}

// compile compiles a regular expression whose worst line costs no more than the limits allow.
func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("regular expression of %d bytes is too long: at most %d bytes are allowed", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	// The size has to be known before the program exists: repetitions multiply.
	if size(parsed) > MaxProgram {
		return nil, fmt.Errorf("regular expression %q is too expensive: use smaller repetitions", pattern)
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(prog.Inst) > MaxProgram {
		return nil, fmt.Errorf("regular expression %q is too expensive: use smaller repetitions", pattern)
	}
	return regexp.Compile(pattern)
}

// size estimates from below how many instructions an expression compiles to.
func size(re *syntax.Regexp) int {
	n := 1
	for _, sub := range re.Sub {
		n += size(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpRepeat:
		n = size(re.Sub[0]) * max(1, re.Min, re.Max)
	}
	return min(n, 1<<20)
}
