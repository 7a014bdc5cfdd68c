package tail

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is the address of a byte in a log: a generation, and an offset into its uncompressed content. It stays valid when the
// generation is renamed or compressed, and when the tailer is restarted. The zero value is no position.
//
// Two positions address the same byte if [Position.Same] says so; Check does not take part, so do not compare with ==.
type Position struct {
	// Generation names the generation. It is opaque: only the tailer that made it knows what it means.
	Generation string
	// Offset counts bytes from the start of the generation.
	Offset int64
	// Check is evidence about the bytes before the offset, by which the tailer notices that the generation was rewritten in place.
	// It is opaque and may be empty, for example in a position that was computed with [Position.Add].
	Check string
}

const (
	maxGeneration = 120
	maxCheck      = 32
)

// IsZero reports whether p is no position.
func (p Position) IsZero() bool { return p.Generation == "" }

// Same reports whether p and q address the same byte.
func (p Position) Same(q Position) bool { return p.Generation == q.Generation && p.Offset == q.Offset }

// Add returns the position n bytes further on in the same generation, without evidence.
func (p Position) Add(n int64) Position {
	if n == 0 {
		return p
	}
	return Position{Generation: p.Generation, Offset: p.Offset + n}
}

// String returns the text form, GENERATION.OFFSET or GENERATION.OFFSET.CHECK, which is safe in a URL; empty for the zero value.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	s := p.Generation + "." + strconv.FormatInt(p.Offset, 10)
	if p.Check != "" {
		s += "." + p.Check
	}
	return s
}

// ParsePosition reads the text form of a position. The error is [ErrBadRequest].
func ParsePosition(s string) (Position, error) {
	generation, rest, ok := strings.Cut(s, ".")
	if !ok {
		return Position{}, fmt.Errorf("position has no offset: %w", ErrBadRequest)
	}
	digits, check, hasCheck := strings.Cut(rest, ".")
	offset, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || digits[0] == '+' {
		return Position{}, fmt.Errorf("position has a bad offset: %w", ErrBadRequest)
	}
	p := Position{Generation: generation, Offset: offset, Check: check}
	if hasCheck && check == "" {
		return Position{}, fmt.Errorf("position has an empty check: %w", ErrBadRequest)
	}
	if err := p.validate(); err != nil {
		return Position{}, err
	}
	return p, nil
}

// validate tells whether a non-zero position can be written as text.
func (p Position) validate() error {
	switch {
	case p.Generation == "" || len(p.Generation) > maxGeneration || !isToken(p.Generation):
		return fmt.Errorf("position has a bad generation: %w", ErrBadRequest)
	case p.Offset < 0:
		return fmt.Errorf("position has a negative offset: %w", ErrBadRequest)
	case len(p.Check) > maxCheck || !isToken(p.Check):
		return fmt.Errorf("position has a bad check: %w", ErrBadRequest)
	}
	return nil
}

// isToken reports whether s is made of letters, digits, hyphen and underscore alone.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
