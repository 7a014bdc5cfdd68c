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
		labels.fail("JSONParserErr", "Value looks like object, but can't find closing '}' symbol")
	case !json.Valid(b):
		var first json.RawMessage // What follows the object does not matter.
		if json.NewDecoder(bytes.NewReader(b)).Decode(&first) == nil {
			flatten(first, 0, nil, 0, labels.begin(), labels)
			break
		}
		partly(b, labels)
		labels.fail("JSONParserErr", "Malformed JSON error")
	default:
		flatten(b, 0, nil, 0, labels.begin(), labels)
	}
	return line, true
}

// partly adds the members of an object that cannot be read to its end: those before the place where it breaks off.
func partly(b []byte, labels *Labels) {
	d := json.NewDecoder(bytes.NewReader(b))
	end := int64(0) // of the last whole member of the outer object
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			break
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 1 && d.InputOffset() > 1 {
			rest := bytes.TrimLeft(b[d.InputOffset():], " \t\r\n")
			if len(rest) > 0 && rest[0] == ',' {
				end = d.InputOffset()
			}
		}
	}
	if end == 0 {
		return
	}
	if whole := append(bytes.Clone(b[:end]), '}'); json.Valid(whole) {
		flatten(whole, 0, nil, 0, labels.begin(), labels)
	}
}

// maxJSONDepth is how deep objects are looked into.
const maxJSONDepth = 8

// flatten adds the members of the object at b[i], which is valid JSON, and returns the index after it. Of several with one name, the first counts; seen
// is what labels.begin returned before the line.
func flatten(b []byte, i int, prefix []byte, depth, seen int, labels *Labels) int {
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
				i = flatten(b, i, append(name, '_'), depth+1, seen, labels)
				continue
			}
			i = valueEnd(b, i)
		case '[':
			i = valueEnd(b, i)
		case '"':
			end := stringEnd(b, i)
			labels.extractFirst(seen, string(name), unquoteJSON(b[i:end]))
			i = end
		default:
			end := valueEnd(b, i)
			if b[i] != 'n' { // null
				labels.extractFirst(seen, string(name), string(bytes.TrimSpace(b[i:end])))
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

// logfmtStage makes labels of key=value pairs. Of several with one key, the first counts. A pair that is broken is left out; if strict, it ends the line.
type logfmtStage struct{ strict, keepEmpty bool }

func (s logfmtStage) run(line []byte, labels *Labels) ([]byte, bool) {
	seen := labels.begin()
	at := 0
	for {
		for at < len(line) && line[at] <= ' ' { // Also terminal escapes and the like; every turn has to take something.
			at++
		}
		if at == len(line) {
			return line, true
		}
		p := logfmtPair(line, at)
		at = p.end
		if p.err != "" {
			if s.strict {
				labels.fail("LogfmtParserErr", p.err)
				return line, true
			}
			continue
		}
		if p.value != "" || s.keepEmpty {
			labels.extractFirst(seen, sanitize(string(p.key), true), p.value)
		}
	}
}

// pair is a key with its value, or why there is none, and where it ends.
type pair struct {
	key   []byte
	value string
	end   int
	err   string
}

// logfmtPair reads the pair at line[at], which is no space.
func logfmtPair(line []byte, at int) pair {
	// broken is a pair that cannot be read because of line[n]; it ends with the word.
	broken := func(n int, why string) pair {
		end := n
		for end < len(line) && line[end] > ' ' {
			end++
		}
		return pair{end: max(end, at+1), err: "logfmt syntax error at pos " + strconv.Itoa(n+1) + " : " + why}
	}
	n := at
	for n < len(line) && line[n] > ' ' && line[n] != '=' && line[n] != '"' {
		n++
	}
	key := line[at:n]
	switch {
	case n == len(line) || line[n] <= ' ':
		return pair{key: key, end: n}
	case line[n] == '"' || len(key) == 0:
		return broken(n, "unexpected '"+string(line[n])+"'")
	}
	n++
	if n < len(line) && line[n] == '"' {
		return quotedPair(line, key, n)
	}
	from := n
	for n < len(line) && line[n] > ' ' {
		if line[n] == '=' || line[n] == '"' {
			return broken(n, "unexpected '"+string(line[n])+"'")
		}
		n++
	}
	return pair{key: key, value: string(bytes.ToValidUTF8(line[from:n], []byte("\uFFFD"))), end: n}
}

// quotedPair reads the value that begins with the quote at line[n].
func quotedPair(line, key []byte, n int) pair {
	for i := n + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			text := string(bytes.ToValidUTF8(line[n:i+1], []byte("\uFFFD")))
			value, err := strconv.Unquote(text)
			if err != nil {
				return pair{end: i + 1, err: "logfmt syntax error at pos " + strconv.Itoa(i+2) + " : invalid quoted value"}
			}
			return pair{key: key, value: value, end: i + 1}
		}
	}
	return pair{end: len(line), err: "logfmt syntax error at pos " + strconv.Itoa(len(line)+1) + " : unterminated quoted value"}
}
