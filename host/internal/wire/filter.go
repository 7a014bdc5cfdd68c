package wire

import (
	"fmt"
	"regexp/syntax"

	"github.com/livetail/livetail/plugin/tail"
)

// Limits on filters. Matching takes time in proportion to the size of the compiled pattern, and 29 bytes of pattern can make a
// program that handles no more than 40 KB/s; so programs are bounded, not only patterns.
const (
	// MaxPatterns is the most patterns of a filter, includes and excludes together.
	MaxPatterns = 8
	// MaxPattern is the longest pattern, in bytes.
	MaxPattern = 256
	// MaxProgram is the most instructions that all patterns of a filter together may compile to.
	MaxProgram = 500
)

// CheckFilter is [Limits.CheckFilter] with the defaults.
func CheckFilter(f tail.Filter) error { return Limits{}.CheckFilter(f) }

// CheckFilter reports what is wrong with a filter, in one sentence that says what to do. The error is a [*RequestError] without id.
func (l Limits) CheckFilter(f tail.Filter) error {
	bad := func(format string, a ...any) error { return &RequestError{Message: fmt.Sprintf(format, a...)} }
	costly := func(format string, a ...any) error {
		return &RequestError{Message: fmt.Sprintf(format, a...), Limit: LimitFilter}
	}
	if n := len(f.Include) + len(f.Exclude); n > MaxPatterns {
		return costly("A filter may have %d patterns, not %d.", MaxPatterns, n)
	}
	size := 0
	for _, patterns := range [...]struct {
		name string
		list []string
	}{{"include", f.Include}, {"exclude", f.Exclude}} {
		for _, p := range patterns.list {
			if p == "" {
				return bad("A pattern of %s is empty; leave it out.", patterns.name)
			}
			if len(p) > MaxPattern {
				return costly("A pattern of %s has %d bytes; %d are allowed.", patterns.name, len(p), MaxPattern)
			}
			parsed, err := syntax.Parse(p, syntax.Perl)
			if err != nil {
				return bad("A pattern of %s is no regular expression in RE2 syntax: %s.", patterns.name, err)
			}
			program, err := syntax.Compile(parsed.Simplify())
			if err != nil {
				return bad("A pattern of %s cannot be compiled.", patterns.name)
			}
			size += len(program.Inst)
		}
	}
	if most := l.Filled().FilterSteps; size > most {
		return costly("The filter is too costly: %d steps, %d are allowed. Use smaller repetitions.", size, most)
	}
	return nil
}
