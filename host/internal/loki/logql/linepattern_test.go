package logql

import (
	"slices"
	"testing"
)

// What passes was written down from Loki's own filter.
func TestLinePattern_LinesPass_AsInLoki(t *testing.T) {
	lines := []string{
		"", "x", "ax", "xb", "axb", "a x b", " x ", "aXb", "ab", "a1b2c", "abc", "aa", "a", "aba", "abab", "ababab", "xx", "éa", "<_>", "a<b",
		"level=debug msg=hi", "level= msg=", "level=debug msg=hi extra", "say a b now", "a b", "x <_> y", "babab", "ba bab", "ba bab bab", "bab",
	}
	for _, c := range []struct {
		pattern string
		pass    []int
	}{
		{"", []int{0}},
		{"x", []int{1, 2}},
		{"<_>x", []int{2}},
		{"x<_>", []int{3, 4, 5, 6, 16, 22, 25}},
		{"<_>x<_>", []int{4, 5, 6, 22}},
		{"<_> x <_>", []int{5}},
		{"a<_>b", []int{4, 5, 7, 19, 24}},
		{"a<_>b<_>c", []int{9}},
		{"<_>a<_>a<_>", []int{23, 26, 27, 28}},
		{"<_> <_>", []int{5, 20, 21, 22, 23, 24, 25, 27, 28}},
		{"<_", nil},
		{"_>", []int{18}},
		{"a<b", []int{19}},
		{"<_>ab", []int{27, 29}},
		{"ab<_>ab", []int{28}},
		{"<_>a", []int{17, 22}},
		{"<_>aa", nil},
		{"a<_>a", []int{13}},
		{"é<_>", []int{17}},
		{"<1>", nil},
		{"level=<_> msg=<_>", []int{20, 22}},
		{"a b", []int{24}},
		{"<_>a b<_>", []int{23, 27, 28}},
		{"<_>ba<_>bab", nil},
	} {
		p, err := newLinePattern(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		var pass []int
		for i, line := range lines {
			if p.matches([]byte(line)) {
				pass = append(pass, i)
			}
		}
		if !slices.Equal(pass, c.pass) {
			t.Errorf("%q lets %v pass, want %v", c.pattern, pass, c.pass)
		}
	}
	p, err := newLinePattern("<_>")
	if err != nil || p.matches(nil) || !p.matches([]byte("x")) {
		t.Errorf("<_> is not every line with something in it: %v", err)
	}
	for pattern, want := range map[string]string{
		"<a> x": "named captures are not allowed: found '<a>'", "<__>": "named captures are not allowed: found '<__>'",
		"x <_><_> y": "found consecutive capture '<_><_>': invalid expression", "<_><_>": "found consecutive capture '<_><_>': invalid expression",
	} {
		if _, err := newLinePattern(pattern); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", pattern, err, want)
		}
	}
}
