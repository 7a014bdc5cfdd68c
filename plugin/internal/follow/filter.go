package follow

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// Limits of filters. The engine for regular expressions is linear in the line, but the factor is the size of the compiled pattern, so
// a short pattern can be expensive.
const (
	// MaxPatterns is the most patterns of one filter.
	MaxPatterns = 16
	// MaxPattern is the longest pattern, in bytes.
	MaxPattern = 256
	// MaxProgram is the most instructions that a pattern may compile to.
	MaxProgram = 500
	// maxMatch is how much of a line is looked at, in bytes.
	maxMatch = 16 << 10
)

// matcher is a compiled filter of one reader.
type matcher struct {
	include, exclude []pattern
	debt             time.Duration // work done for an expensive filter and not paid for by waiting
}

// pattern is a regular expression, or just a text to be found.
type pattern struct {
	text []byte
	re   *regexp.Regexp
}

// compile returns nil for a filter that lets everything pass. The error is [tail.ErrBadRequest] and names the pattern.
func compile(f tail.Filter) (*matcher, error) {
	if f.IsZero() {
		return nil, nil
	}
	if n := len(f.Include) + len(f.Exclude); n > MaxPatterns {
		return nil, fmt.Errorf("the filter has %d patterns, at most %d are possible: %w", n, MaxPatterns, tail.ErrBadRequest)
	}
	m := &matcher{}
	for _, p := range []struct {
		from []string
		to   *[]pattern
	}{{f.Include, &m.include}, {f.Exclude, &m.exclude}} {
		for _, text := range p.from {
			c, err := compilePattern(text)
			if err != nil {
				return nil, err
			}
			*p.to = append(*p.to, c)
		}
	}
	return m, nil
}

func compilePattern(text string) (pattern, error) {
	if len(text) > MaxPattern {
		return pattern{}, fmt.Errorf("a pattern of the filter has %d bytes, at most %d are possible: %w", len(text), MaxPattern, tail.ErrBadRequest)
	}
	bad := func(err error) (pattern, error) {
		return pattern{}, fmt.Errorf("pattern %s: %w: %w", strconv.Quote(text), err, tail.ErrBadRequest)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return bad(err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return bad(err)
	}
	if n := len(program.Inst); n > MaxProgram {
		return bad(fmt.Errorf("it is too expensive (%d steps, at most %d are possible): use fewer or smaller repetitions", n, MaxProgram))
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return bad(err)
	}
	// Not by LiteralPrefix, which says of ^a$ that it is a and nothing else.
	// And not with U+FFFD, which an expression finds in each byte that is no UTF-8.
	if parsed.Op == syntax.OpLiteral && parsed.Flags&syntax.FoldCase == 0 && !slices.Contains(parsed.Rune, utf8.RuneError) {
		return pattern{text: []byte(string(parsed.Rune))}, nil
	}
	return pattern{re: re}, nil
}

func (p pattern) match(line []byte) bool {
	if p.re == nil {
		return bytes.Contains(line, p.text)
	}
	return p.re.Match(line)
}

// pass reports whether a line is wanted. A nil matcher wants all.
func (m *matcher) pass(line []byte) bool {
	if m == nil {
		return true
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, newline), []byte{'\r'})
	line = line[:min(len(line), maxMatch)]
	for _, p := range m.exclude {
		if p.match(line) {
			return false
		}
	}
	for _, p := range m.include {
		if p.match(line) {
			return true
		}
	}
	return len(m.include) == 0
}

// What an expensive filter may cost: its reader waits so that it takes at most a twentieth of a processor, after a start.
const (
	cheapPerByte = 200 * time.Nanosecond
	mostDebt     = 50 * time.Millisecond
	payRate      = 19
)

// charge notes that matching size bytes took d, and returns how long to wait for it. Patterns that cost what patterns usually cost are free.
func (m *matcher) charge(d time.Duration, size int) time.Duration {
	if d <= cheapPerByte*time.Duration(size) {
		return 0
	}
	if m.debt += d; m.debt < mostDebt {
		return 0
	}
	wait := m.debt * payRate
	m.debt = 0
	return wait
}
