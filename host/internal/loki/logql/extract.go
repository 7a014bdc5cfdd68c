package logql

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// jsonStage makes labels of the members of a JSON object; those of nested objects are joined with _, arrays are left out.
type jsonStage struct{}

func (jsonStage) run(line []byte, labels *Labels) ([]byte, bool) {
	b := bytes.TrimSpace(line)
	switch {
	case len(b) == 0 || b[0] != '{':
		labels.fail("JSONParserErr", "the line is no JSON object")
	case !json.Valid(b):
		labels.fail("JSONParserErr", "the line is no valid JSON")
	default:
		flatten(b, 0, nil, 0, labels)
	}
	return line, true
}

// maxJSONDepth is how deep objects are looked into.
const maxJSONDepth = 8

// flatten adds the members of the object at b[i], which is valid JSON, and returns the index after it.
func flatten(b []byte, i int, prefix []byte, depth int, labels *Labels) int {
	i++
	for {
		i = skipSpace(b, i)
		if b[i] == '}' {
			return i + 1
		}
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		end := stringEnd(b, i)
		name := append(slices.Clip(prefix), sanitize(unquoteJSON(b[i:end]), len(prefix) == 0)...)
		i = skipSpace(b, end)
		i = skipSpace(b, i+1) // the colon
		switch b[i] {
		case '{':
			if depth+1 < maxJSONDepth {
				i = flatten(b, i, append(name, '_'), depth+1, labels)
				continue
			}
			i = valueEnd(b, i)
		case '[':
			i = valueEnd(b, i)
		case '"':
			end := stringEnd(b, i)
			labels.extract(string(name), unquoteJSON(b[i:end]))
			i = end
		default:
			end := valueEnd(b, i)
			if b[i] != 'n' { // null
				labels.extract(string(name), string(bytes.TrimSpace(b[i:end])))
			}
			i = end
		}
	}
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// stringEnd returns the index after the string at b[i].
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd returns the index after the value at b[i], or that of the comma or bracket behind a number or word.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
}

// unquoteJSON reads a JSON string with its quotes.
func unquoteJSON(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b) {
		return string(b[1 : len(b)-1])
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}

// sanitize makes the name of a label of any text.
func sanitize(s string, first bool) string {
	clean := s != "" && (!first || !isDigit(s[0]))
	for i := range len(s) {
		clean = clean && (isLetter(s[i]) || isDigit(s[i]))
	}
	if clean {
		return s
	}
	out := make([]byte, 0, len(s)+1)
	if first && (s == "" || isDigit(s[0])) {
		out = append(out, '_')
	}
	for _, r := range s {
		if r < utf8.RuneSelf && (isLetter(byte(r)) || isDigit(byte(r))) {
			out = append(out, byte(r))
		} else {
			out = append(out, '_')
		}
	}
	return string(out)
}

// logfmtStage makes labels of key=value pairs.
type logfmtStage struct{ strict, keepEmpty bool }

func (s logfmtStage) run(line []byte, labels *Labels) ([]byte, bool) {
	b := line
	for {
		n := 0
		for n < len(b) && b[n] <= ' ' { // Also terminal escapes and the like; every turn has to take something.
			n++
		}
		b = b[n:]
		if len(b) == 0 {
			return line, true
		}
		n = 0
		for n < len(b) && b[n] > ' ' && b[n] != '=' && b[n] != '"' {
			n++
		}
		key := b[:n]
		b = b[n:]
		if len(b) == 0 || b[0] != '=' {
			if len(b) > 0 && b[0] == '"' {
				if s.strict {
					labels.fail("LogfmtParserErr", "unexpected '\"'")
					return line, true
				}
				b = b[1:]
				continue
			}
			if s.keepEmpty && len(key) > 0 {
				labels.extract(sanitize(string(key), true), "")
			}
			continue
		}
		b = b[1:]
		value, rest, ok := logfmtValue(b)
		if !ok || len(key) == 0 {
			if s.strict {
				labels.fail("LogfmtParserErr", "a key or the end of a value is missing")
				return line, true
			}
			b = rest
			continue
		}
		b = rest
		if value != "" || s.keepEmpty {
			labels.extract(sanitize(string(key), true), value)
		}
	}
}

// logfmtValue reads a value, quoted or not, and returns what follows it.
func logfmtValue(b []byte) (value string, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		n := 0
		for n < len(b) && b[n] > ' ' {
			n++
		}
		return string(bytes.ToValidUTF8(b[:n], []byte("�"))), b[n:], true
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			text := string(bytes.ToValidUTF8(b[:i+1], []byte("�")))
			if s, err := strconv.Unquote(text); err == nil {
				return s, b[i+1:], true
			}
			return text[1 : len(text)-1], b[i+1:], true
		}
	}
	return "", nil, false
}
