package tail

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParsePosition(t *testing.T) {
	for _, s := range []string{"g.0", "g.0.c", "a-Z_9.9223372036854775807", strings.Repeat("g", maxGeneration) + ".1." + strings.Repeat("c", maxCheck)} {
		p, err := ParsePosition(s)
		if err != nil || p.String() != s {
			t.Errorf("%q: %+v, %v", s, p, err)
		}
	}
	for _, s := range []string{
		"", ".", "g", "g.", ".1", "g.-1", "g.+1", "g. 1", "g.1x", "g.1.", "g.1.c.d", "g/.1", "g.1.c/", "gä.1", "g.9223372036854775808",
		"g.01x", strings.Repeat("g", maxGeneration+1) + ".1", "g.1." + strings.Repeat("c", maxCheck+1), "g.1\n", "../x.1",
	} {
		if p, err := ParsePosition(s); !errors.Is(err, ErrBadRequest) {
			t.Errorf("%q: %+v, %v", s, p, err)
		}
	}
}

func TestPosition_AddAndSame(t *testing.T) {
	p := Position{"g", 5, "check"}
	if q := p.Add(3); q != (Position{"g", 8, ""}) || !q.Same(Position{"g", 8, "other"}) || q.Same(p) {
		t.Errorf("Add = %+v", q)
	}
	if q := p.Add(0); q != p {
		t.Errorf("Add(0) = %+v", q)
	}
	if s := (Position{}).String(); s != "" || !(Position{}).IsZero() {
		t.Errorf("zero is %q", s)
	}
}

// What is taken comes back as itself, is safe in a URL, and keeps the limits.
func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"g.0", "g.12.c", "g.-1", "g.1.", "", "...", "g.9223372036854775807.c", "g.00", "gä.1", "g.0x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePosition(s)
		if err != nil {
			if !errors.Is(err, ErrBadRequest) || p != (Position{}) {
				t.Fatalf("%q: %+v, %v", s, p, err)
			}
			return
		}
		text := p.String()
		if q, err := ParsePosition(text); err != nil || q != p {
			t.Fatalf("%q became %q, which is %+v, %v", s, text, q, err)
		}
		if url.QueryEscape(text) != text || p.Offset < 0 || len(p.Generation) > maxGeneration || len(p.Check) > maxCheck {
			t.Fatalf("%q became %q", s, text)
		}
	})
}
