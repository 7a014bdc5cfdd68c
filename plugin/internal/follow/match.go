package follow

import "github.com/livetail/livetail/plugin/tail"

// Matcher is a compiled filter, for tailers that look at other text than what stands in the file. It is not safe for concurrent use.
type Matcher struct{ m *matcher }

// Compile compiles a filter. The error is [tail.ErrBadRequest] and names the pattern.
func Compile(f tail.Filter) (*Matcher, error) {
	m, err := compile(f)
	if err != nil {
		return nil, err
	}
	return &Matcher{m}, nil
}

// Pass reports whether a line is wanted, with or without its line end.
func (m *Matcher) Pass(line []byte) bool { return m.m.pass(line) }
