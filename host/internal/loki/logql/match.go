package logql

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Matcher is one condition on a label: =, !=, =~ or !~.
type Matcher struct {
	Name, Op, Value string

	re  *regexp.Regexp
	any map[string]bool // what a regular expression lists, if it only lists values
}

// newMatcher makes a matcher of the label name; its regular expression has to match the whole value.
func newMatcher(name, op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	if op == "=~" || op == "!~" {
		if _, err := syntax.Parse(value, syntax.Perl); err != nil { // So that the error shows what was asked.
			return Matcher{}, err
		}
		if m.any = listed(value); m.any != nil {
			return m, nil
		}
		if err := affordable(value); err != nil {
			return Matcher{}, err
		}
		re, err := regexp.Compile("^(?s:" + value + ")$")
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
		return m.found(value)
	default:
		return !m.found(value)
	}
}

func (m Matcher) found(value string) bool {
	if m.any != nil {
		return m.any[value]
	}
	return m.re.MatchString(value)
}

// listed are the values that a pattern like a|b|c\.d lists; nil if it does anything else. Dashboards write it for a choice of several.
func listed(pattern string) map[string]bool {
	out := map[string]bool{}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '|':
			out[b.String()] = true
			b.Reset()
		case c == '\\' && i+1 < len(pattern) && regexp.QuoteMeta(pattern[i+1:i+2]) != pattern[i+1:i+2]:
			i++
			b.WriteByte(pattern[i])
		case regexp.QuoteMeta(pattern[i:i+1]) != pattern[i:i+1]:
			return nil
		default:
			b.WriteByte(c)
		}
	}
	out[b.String()] = true
	return out
}

// compile compiles a regular expression whose worst line costs no more than the limits allow.
func compile(pattern string) (*regexp.Regexp, error) {
	if err := affordable(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(pattern)
}

// affordable says what is wrong with a regular expression, its cost included.
func affordable(pattern string) error {
	if len(pattern) > MaxPattern {
		return fmt.Errorf("regular expression of %d bytes is too long: at most %d bytes are allowed", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return err
	}
	tooExpensive := fmt.Errorf("regular expression %q is too expensive: use smaller repetitions", pattern)
	// The size has to be known before the program exists: repetitions multiply.
	if size(parsed) > MaxProgram {
		return tooExpensive
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err
	}
	if len(prog.Inst) > MaxProgram {
		return tooExpensive
	}
	return nil
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
