package loki

import "bytes"

const (
	// traceLabel is the label of a line that names a trace.
	traceLabel = "trace_id"
	// traceDigits is how many hexadecimal digits the name of a trace has, and maxTraceLook how much of a line is searched for one, in bytes.
	traceDigits  = 32
	maxTraceLook = 4 << 10
)

var race = []byte("race")

// traceOf finds the trace that a line names: trace_id=…, "traceId": "…" and the like; empty if it names none.
func traceOf(line []byte) string {
	b := line[:min(len(line), maxTraceLook)]
	for {
		i := bytes.Index(b, race)
		if i < 0 {
			return ""
		}
		if i > 0 && b[i-1]|0x20 == 't' {
			if id := traceAfter(b[i+len(race):]); id != "" {
				return id
			}
		}
		b = b[i+len(race):]
	}
}

// traceAfter reads what follows the word trace: the rest of the field's name, and its value.
func traceAfter(b []byte) string {
	if len(b) > 0 && (b[0] == '_' || b[0] == '-' || b[0] == '.') {
		b = b[1:]
	}
	if len(b) < 2 || b[0]|0x20 != 'i' || b[1]|0x20 != 'd' {
		return ""
	}
	b = bytes.TrimLeft(b[2:], "\"' ")
	if len(b) == 0 || b[0] != '=' && b[0] != ':' {
		return ""
	}
	b = bytes.TrimLeft(b[1:], "\"' ")
	n := 0
	for n < len(b) && (isDigit(b[n]) || 'a' <= b[n]|0x20 && b[n]|0x20 <= 'f') {
		n++
	}
	if n != traceDigits {
		return ""
	}
	return string(bytes.ToLower(b[:n]))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
