package follow

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// FuzzFilter: patterns are refused as a bad request, or compile to no more steps than are allowed; what compiles decides about a line as
// package regexp does, whatever shortcuts there are.
func FuzzFilter(f *testing.F) {
	f.Add("error", "debug", []byte("an error\n"))
	f.Add("a{1000}\na{1000}", "(?i)b|c", []byte("aaaab\r\n"))
	f.Add("(?:a|b|c){1,300}z", "", []byte("abc"))
	f.Add("\ufffd", "", []byte("\xff"))
	f.Add("^a$", "^b", []byte("a0"))
	f.Add("^error", "down$", []byte("no error: down again"))
	f.Add(`^a.c$`, `\Qa.c\E`, []byte("a.c\n"))
	f.Add("你\\pL", "[[:^alpha:]]\\b", []byte("你好\xff\x00"))
	f.Add(strings.Repeat("(", MaxPattern), strings.Repeat("x\n", MaxPatterns), []byte(""))
	f.Add(strings.Repeat("x", MaxPattern+1), "", []byte("x"))
	f.Fuzz(func(t *testing.T, include, exclude string, line []byte) {
		if len(include)+len(exclude) > 4*MaxPattern { // Refused as well, but slower than the rest by far.
			return
		}
		filter := tail.Filter{Include: lines(include), Exclude: lines(exclude)}
		m, err := compile(filter)
		if err != nil {
			if !errors.Is(err, tail.ErrBadRequest) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if n := len(filter.Include) + len(filter.Exclude); n > MaxPatterns {
			t.Fatalf("%d patterns were accepted", n)
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		text = text[:min(len(text), maxMatch)]
		matches := func(patterns []string) bool {
			for _, p := range patterns {
				if n := steps(t, p); len(p) > MaxPattern || n > MaxProgram {
					t.Fatalf("%q of %d steps was accepted", p, n)
				}
				if regexp.MustCompile(p).MatchString(text) {
					return true
				}
			}
			return false
		}
		want := !matches(filter.Exclude) && (len(filter.Include) == 0 || matches(filter.Include))
		if got := m.pass(line); got != want {
			t.Fatalf("include %q, exclude %q, line %q: got %v, want %v", filter.Include, filter.Exclude, line, got, want)
		}
	})
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// steps is what a pattern costs.
func steps(t *testing.T, p string) int {
	parsed, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		t.Fatalf("%q was accepted: %v", p, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		t.Fatalf("%q was accepted: %v", p, err)
	}
	return len(program.Inst)
}
