package logql

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kind says what a token is. Its text is how Loki's error messages call it.
type kind string

const (
	kindEnd        kind = "$end"
	kindIdentifier kind = "IDENTIFIER"
	kindString     kind = "STRING"
	kindNumber     kind = "NUMBER"
	kindDuration   kind = "DURATION"
	kindBytes      kind = "BYTES"
	kindRange      kind = "RANGE"
	kindFlag       kind = "PARSER_FLAG"
	// Every operator and bracket is a kind of its own.
)

type token struct {
	kind      kind
	text      string // an identifier, the value of a string, or a flag
	number    float64
	duration  time.Duration
	line, col int
}

// is reports whether t is an operator, bracket or keyword.
func (t token) is(text string) bool {
	return string(t.kind) == text || (t.kind == kindIdentifier && t.text == text)
}

// lexer cuts a query into tokens.
type lexer struct {
	src       string
	at        int
	line, col int
	out       []token
}

var operators = []string{
	"|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=",
	"{", "}", "(", ")", ",", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^",
}

// lex returns the tokens of a query, the last of them kindEnd.
func lex(query string) ([]token, error) {
	l := lexer{src: query, line: 1, col: 1}
	for {
		l.skip()
		if l.at >= len(l.src) {
			l.out = append(l.out, token{kind: kindEnd, line: l.line, col: l.col})
			return l.out, nil
		}
		t := token{line: l.line, col: l.col}
		if err := l.next(&t); err != nil {
			return nil, err
		}
		l.out = append(l.out, t)
	}
}

// skip passes over space and comments.
func (l *lexer) skip() {
	for l.at < len(l.src) {
		switch l.src[l.at] {
		case ' ', '\t', '\r', '\n':
			l.advance(1)
		case '#':
			n := strings.IndexByte(l.src[l.at:], '\n')
			if n < 0 {
				n = len(l.src) - l.at
			}
			l.advance(n)
		default:
			return
		}
	}
}

// advance moves on by n bytes and counts lines and columns.
func (l *lexer) advance(n int) {
	for _, r := range l.src[l.at : l.at+n] {
		if r == '\n' {
			l.line++
			l.col = 1
		} else {
			l.col++
		}
	}
	l.at += n
}

func (l *lexer) next(t *token) error {
	rest := l.src[l.at:]
	switch c := rest[0]; {
	case c == '"' || c == '`':
		return l.quoted(t, c)
	case c == '[':
		return l.rangeOf(t)
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
		t.kind, t.text = kindIdentifier, rest[:n]
		l.advance(n)
		return nil
	case isDigit(c) || (c == '.' && len(rest) > 1 && isDigit(rest[1])):
		return l.quantity(t)
	case strings.HasPrefix(rest, "--") && len(rest) > 2 && isLetter(rest[2]):
		n := 2
		for n < len(rest) && (isLetter(rest[n]) || rest[n] == '-') {
			n++
		}
		t.kind, t.text = kindFlag, rest[2:n]
		l.advance(n)
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			t.kind = kind(op)
			l.advance(len(op))
			return nil
		}
	}
	// Whatever else there is, Loki calls it this.
	_, n := utf8.DecodeRuneInString(rest)
	t.kind, t.text = kindIdentifier, ""
	l.advance(n)
	return nil
}

func (l *lexer) quoted(t *token, quote byte) error {
	rest := l.src[l.at:]
	n := 1
	for {
		if n >= len(rest) || (quote == '"' && rest[n] == '\n') {
			return &ParseError{Line: t.line, Col: t.col, Msg: "literal not terminated"}
		}
		if rest[n] == quote {
			break
		}
		if quote == '"' && rest[n] == '\\' {
			n++
		}
		n++
	}
	n++
	s, err := strconv.Unquote(rest[:n])
	if err != nil {
		if quote == '`' { // A carriage return is all that Unquote can object to.
			s = rest[1 : n-1]
		} else {
			return &ParseError{Line: t.line, Col: t.col, Msg: "invalid char escape"}
		}
	}
	t.kind, t.text = kindString, s
	l.advance(n)
	return nil
}

// rangeOf reads [5m].
func (l *lexer) rangeOf(t *token) error {
	rest := l.src[l.at:]
	n := strings.IndexByte(rest, ']')
	if n < 0 {
		return &ParseError{Col: t.col, Msg: "missing closing ']' in duration"}
	}
	d, ok := parseDuration(strings.TrimSpace(rest[1:n]))
	if !ok {
		return &ParseError{Col: t.col, Msg: "not a valid duration string: " + strconv.Quote(rest[1:n])}
	}
	if d <= 0 {
		return &ParseError{Col: t.col, Msg: "duration must be greater than 0"}
	}
	t.kind, t.duration = kindRange, d
	l.advance(n + 1)
	return nil
}

// quantity reads a number, a duration or a size.
func (l *lexer) quantity(t *token) error {
	rest := l.src[l.at:]
	n := 0
	for n < len(rest) {
		c := rest[n]
		sign := (c == '+' || c == '-') && n > 0 && (rest[n-1] == 'e' || rest[n-1] == 'E')
		if !isDigit(c) && !isLetter(c) && c != '.' && !sign && !strings.HasPrefix(rest[n:], "µ") && (n == 0 || rest[n-1] != 0xc2) {
			break
		}
		n++
	}
	text := rest[:n]
	l.advance(n)
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		t.kind, t.number = kindNumber, f
		return nil
	}
	if d, ok := parseDuration(text); ok {
		t.kind, t.duration = kindDuration, d
		return nil
	}
	if b, ok := parseBytes(text); ok {
		t.kind, t.number = kindBytes, b
		return nil
	}
	return &ParseError{Line: t.line, Col: t.col, Msg: "syntax error: unexpected IDENTIFIER"}
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c-'0' <= 9 }

// durationUnits are those of Go and of Prometheus.
var durationUnits = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute,
	"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// maxDuration keeps sums of durations far from the end of the type, and is more than anybody's log.
const maxDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads a duration as queries write it: 1h30m, 1.5s or 7d.
func ParseDuration(s string) (time.Duration, bool) { return parseDuration(s) }

func parseDuration(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var sum float64
	for s != "" {
		n := 0
		for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
			n++
		}
		f, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, false
		}
		s = s[n:]
		n = 0
		for n < len(s) && !isDigit(s[n]) && s[n] != '.' {
			n++
		}
		unit, ok := durationUnits[s[:n]]
		if !ok {
			return 0, false
		}
		s = s[n:]
		if sum += f * float64(unit); sum > float64(maxDuration) {
			return 0, false
		}
	}
	return time.Duration(sum), true
}

var byteUnits = map[string]float64{
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15, "eb": 1e18,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50, "eib": 1 << 60,
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}

// parseBytes reads 42MB, 1.5Kib or 20b, and what programs log for sizes: also a plain number and a space before the unit.
func parseBytes(s string) (float64, bool) {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	f, err := strconv.ParseFloat(s[:n], 64)
	if err != nil {
		return 0, false
	}
	unit, ok := byteUnits[strings.ToLower(strings.TrimSpace(s[n:]))]
	return f * unit, ok
}
