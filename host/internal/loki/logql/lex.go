package logql

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
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
	kindFlag       kind = "FUNCTION_FLAG"
	// kindBroken is where the text cannot be read any further; the token says why.
	kindBroken kind = "broken"
	// Every operator, bracket, keyword and function is a kind of its own.
)

type token struct {
	kind     kind
	text     string // an identifier, the value of a string, or a flag
	function string // the name of a function, in lower case
	number   float64
	duration time.Duration
	// Loki counts the line as 0 for every token that it puts together out of several characters, other than words and texts.
	line, col int
	err       error // of kindBroken, and of a number that is none
}

// is reports whether t is an operator, bracket or keyword.
func (t token) is(text string) bool { return string(t.kind) == text }

// lexer cuts a query into tokens.
type lexer struct {
	src       string
	at        int
	line, col int
}

var operators = []string{
	"|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=",
	"{", "}", "(", ")", "]", ",", ".", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^",
}

// keywords cannot be names of labels. They may be written in capitals.
var keywords = func() map[string]bool {
	out := map[string]bool{}
	for _, k := range []string{
		"by", "without", "bool", "unwrap", "offset", "on", "ignoring", "group_left", "group_right", "or", "and", "unless", "json", "regexp",
		"logfmt", "unpack", "pattern", "label_format", "line_format", "decolorize", "drop", "keep",
	} {
		out[k] = true
	}
	return out
}()

// functions are words only where parentheses follow, and names of labels everywhere else. The values are what errors call them.
var functions = func() map[string]kind {
	out := map[string]kind{
		"ip": "ip", "label_replace": "label_replace", "bytes": "BYTES_CONV", "duration": "DURATION_CONV", "duration_seconds": "DURATION_SECONDS_CONV",
	}
	for _, f := range []string{
		"rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time", "avg_over_time", "sum_over_time", "min_over_time",
		"max_over_time", "stdvar_over_time", "stddev_over_time", "quantile_over_time", "first_over_time", "last_over_time", "absent_over_time",
		"vector", "sum", "avg", "max", "min", "count", "stddev", "stdvar", "bottomk", "topk", "sort", "sort_desc", "approx_topk",
	} {
		out[f] = kind(strings.ToUpper(f))
	}
	return out
}()

// lex returns the tokens of a query, the last of them kindEnd or kindBroken.
func lex(query string) []token {
	l := lexer{src: query, line: 1, col: 1}
	var out []token
	for {
		t := token{}
		err := l.skip()
		t.line, t.col = l.line, l.col
		switch {
		case err != nil:
		case l.at >= len(l.src):
			t.kind = kindEnd
			if query == "" {
				t.line, t.col = 0, 0
			}
			return append(out, t)
		default:
			err = l.next(&t)
		}
		if err != nil {
			t.kind, t.err = kindBroken, err
			return append(out, t)
		}
		out = append(out, t)
	}
}

// skip passes over space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.advance(1)
		case rest[0] == '#', strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.advance(n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return &ParseError{Line: l.line, Col: l.col, Msg: "comment not terminated"}
			}
			l.advance(n + 4)
		default:
			return nil
		}
	}
	return nil
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
	case c == '\'':
		return l.character(t)
	case c == '[':
		return l.rangeOf(t)
	case isDigit(c) || (c == '.' && len(rest) > 1 && isDigit(rest[1])):
		return l.quantity(t)
	case c == '-':
		if l.flag(t) || l.negativeDuration(t) {
			return nil
		}
	}
	if n := wordLength(rest); n > 0 {
		l.word(t, rest[:n])
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			t.kind = kind(op)
			if len(op) > 1 {
				t.line = 0
			}
			l.advance(len(op))
			return nil
		}
	}
	// Whatever else there is, Loki takes for a name.
	_, n := utf8.DecodeRuneInString(rest)
	t.kind, t.text = kindIdentifier, rest[:n]
	l.advance(n)
	return nil
}

// wordLength is the number of bytes of the name or keyword at the start of s.
func wordLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}

// word reads a name, a keyword or a function.
func (l *lexer) word(t *token, text string) {
	l.advance(len(text))
	t.kind, t.text = kindIdentifier, text
	lower := strings.ToLower(text)
	if name, ok := functions[lower]; ok {
		if l.callFollows() {
			t.kind, t.function = name, lower
		}
		return
	}
	if keywords[lower] {
		t.kind = kind(lower)
	}
}

// callFollows reports whether parentheses follow, or by or without and then parentheses.
func (l *lexer) callFollows() bool {
	rest := strings.TrimLeftFunc(l.src[l.at:], unicode.IsSpace)
	for _, word := range []string{"by", "without"} {
		if len(rest) > len(word) && strings.EqualFold(rest[:len(word)], word) {
			rest = strings.TrimLeftFunc(rest[len(word):], unicode.IsSpace)
			break
		}
	}
	return strings.HasPrefix(rest, "(")
}

// flag reads --strict or --keep-empty; other words behind two signs are no flags.
func (l *lexer) flag(t *token) bool {
	rest, ok := strings.CutPrefix(l.src[l.at:], "--")
	if !ok {
		return false
	}
	n := 0
	for n < len(rest) && (rest[n] == '-' || isLetter(rest[n]) && rest[n] != '_') {
		n++
	}
	if rest[:n] != "strict" && rest[:n] != "keep-empty" {
		return false
	}
	t.kind, t.text, t.line = kindFlag, rest[:n], 0
	l.advance(n + 2)
	return true
}

func (l *lexer) negativeDuration(t *token) bool {
	n := run(l.src[l.at+1:], durationRunes) + 1
	d, ok := parseDuration(l.src[l.at : l.at+n])
	if n == 1 || !ok {
		return false
	}
	t.kind, t.duration, t.line = kindDuration, d, 0
	l.advance(n)
	return true
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

// character reads what Go takes for a single character, which stands nowhere in a query.
func (l *lexer) character(t *token) error {
	rest := l.src[l.at:]
	n := 1
	for n < len(rest) && rest[n] != '\'' && rest[n] != '\n' {
		if rest[n] == '\\' {
			n++
		}
		n++
	}
	if n >= len(rest) || rest[n] != '\'' {
		return &ParseError{Line: t.line, Col: t.col, Msg: "literal not terminated"}
	}
	if utf8.RuneCountInString(rest[1:n]) != 1 && rest[1] != '\\' {
		return &ParseError{Line: t.line, Col: t.col, Msg: "invalid char literal"}
	}
	t.kind, t.text = kindIdentifier, rest[:n+1]
	l.advance(n + 1)
	return nil
}

// rangeOf reads [5m].
func (l *lexer) rangeOf(t *token) error {
	t.line = 0
	rest := l.src[l.at:]
	n := strings.IndexByte(rest, ']')
	if n < 0 {
		return &ParseError{Col: t.col, Msg: "missing closing ']' in duration"}
	}
	d, err := unitsDuration(rest[1:n])
	if err != nil {
		return &ParseError{Col: t.col, Msg: err.Error()}
	}
	t.kind, t.duration = kindRange, d
	l.advance(n + 1)
	return nil
}

const (
	durationRunes = "nuµmshdwy."
	bytesRunes    = "BikKMGTP."
)

// quantity reads a number, and a duration or size if what follows makes one.
func (l *lexer) quantity(t *token) error {
	rest := l.src[l.at:]
	n, err := scanNumber(rest)
	if err != "" {
		return &ParseError{Line: t.line, Col: t.col, Msg: err}
	}
	if k := run(rest[n:], durationRunes); k > 0 {
		if d, ok := parseDuration(rest[:n+k]); ok {
			t.kind, t.duration, t.line = kindDuration, d, 0
			l.advance(n + k)
			return nil
		}
	}
	if k := run(rest[n:], bytesRunes); k > 0 {
		if b, ok := parseBytes(rest[:n+k]); ok {
			t.kind, t.number, t.line = kindBytes, b, 0
			l.advance(n + k)
			return nil
		}
	}
	// What is no number after all (0x1f) is one for the grammar, and refused where it is used.
	t.kind, t.text = kindNumber, rest[:n]
	t.number, t.err = strconv.ParseFloat(rest[:n], 64)
	if t.err != nil {
		t.err = errors.New("strconv.ParseFloat: parsing " + strconv.Quote(rest[:n]) + ": invalid syntax")
	}
	l.advance(n)
	return nil
}

// run is the number of bytes of digits and of the given letters at the start of s.
func run(s, letters string) int {
	for i, r := range s {
		if !unicode.IsNumber(r) && !strings.ContainsRune(letters, r) {
			return i
		}
	}
	return len(s)
}

// scanNumber is the length of the number at the start of s, as Go writes numbers, or why there is none.
func scanNumber(s string) (n int, err string) {
	digits := func(set string) {
		for n < len(s) && strings.IndexByte(set, s[n]) >= 0 {
			n++
		}
	}
	const decimal = "_0123456789"
	if s[0] == '0' && len(s) > 1 {
		for prefix, set := range map[byte]string{'x': decimal + "abcdefABCDEF", 'o': "_01234567", 'b': "_01"} {
			if s[1]|0x20 != prefix {
				continue
			}
			n = 2
			if digits(set); n == 2 {
				return 0, map[byte]string{'x': "hexadecimal", 'o': "octal", 'b': "binary"}[prefix] + " literal has no digits"
			}
			return n, ""
		}
	}
	digits(decimal)
	if n < len(s) && s[n] == '.' {
		n++
		digits(decimal)
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		n++
		if n < len(s) && (s[n] == '+' || s[n] == '-') {
			n++
		}
		from := n
		if digits(decimal); n == from {
			return 0, "exponent has no digits"
		}
	}
	return n, ""
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c-'0' <= 9 }
