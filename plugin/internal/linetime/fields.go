package linetime

import (
	"bytes"
	"strconv"
)

// maxDepth is how deep a time may stand in JSON: record.time.timestamp.
const maxDepth = 3

// isTimeKey tells the names of fields that hold the time of a line.
func isTimeKey(key []byte) bool {
	switch string(key) {
	case "time", "ts", "timestamp", "@timestamp", "asctime", "t", "@t", "date", "datetime", "dateTime", "eventTime", "log_time",
		"Time", "Timestamp", "timeMillis", "created", "__REALTIME_TIMESTAMP":
		return true
	}
	return false
}

// object looks for the time among the members of the JSON object that begins at b[i]. If there is none, end is after the object.
func (p *Parser) object(b []byte, i, depth int) (ns int64, end int, ok bool) {
	i++
	for {
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != '"' {
			return 0, i + 1, false
		}
		after := skipString(b, i)
		key := b[i+1 : max(i+1, after-1)]
		i = skipSpace(b, after)
		if i >= len(b) || b[i] != ':' {
			return 0, i + 1, false
		}
		i = skipSpace(b, i+1)
		if i >= len(b) {
			return 0, i, false
		}
		isTime := isTimeKey(key) || (depth > 0 && (string(key) == "$date" || string(key) == "repr"))
		switch {
		case b[i] == '{' && (isTime || string(key) == "record") && depth+1 < maxDepth:
			ns, i, ok = p.object(b, i, depth+1)
			if ok {
				return ns, i, true
			}
		case isTime:
			if ns, ok := p.value(b, i); ok {
				return ns, i, true
			}
			i = skipValue(b, i)
		default:
			i = skipValue(b, i)
		}
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != ',' {
			return 0, i + 1, false
		}
		i++
	}
}

// value reads a time that is the value of a field: text in any layout, quoted or not, or a number.
func (p *Parser) value(b []byte, i int) (ns int64, ok bool) {
	if isDigit(b, i) {
		if ns, _, ok := number(b, i, false); ok {
			return ns, true
		}
	}
	return p.at(b, i, true)
}

// logfmt reads ts=… at b[i].
func (p *Parser) logfmt(b []byte, i int) (ns int64, ok bool) {
	j := i
	for j < len(b) && j < i+12 && (class[b[j]] == classLower || class[b[j]] == classUpper) {
		j++
	}
	if j >= len(b) || b[j] != '=' || !isTimeKey(b[i:j]) {
		return 0, false
	}
	return p.value(b, j+1)
}

// number reads seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, from 2001 to 2100. whole
// demands exactly as many digits as such a time has today, as is needed where any number could stand.
func number(b []byte, i int, whole bool) (ns int64, end int, ok bool) {
	start := i
	var n int64
	for i < len(b) && i < start+19 && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if isDigit(b, i) {
		return 0, i, false
	}
	if n < 0 {
		return 0, i, false
	}
	digits := i - start
	frac, end := fraction(b, i)
	if end > i && b[i] == ',' { // A comma ends a number.
		frac, end = 0, i
	}
	if end < len(b) && b[end]|0x20 == 'e' && !whole {
		return exponent(b, start, end)
	}
	if whole && digits != 10 && digits != 13 && digits != 16 && digits != 19 {
		return 0, end, false
	}
	unit := int64(1)
	switch {
	case n < 1e11:
		unit = 1e9
	case n < 1e14:
		unit = 1e6
	case n < 1e17:
		unit = 1e3
	}
	if sec := n / (nanosPerSec / unit); sec < 1e9 || sec >= 4_102_444_800 {
		return 0, end, false
	}
	return n*unit + frac/(nanosPerSec/unit), end, true
}

// exponent reads a number like 1.600304340123e+09, of which e is the index of the exponent.
func exponent(b []byte, start, e int) (ns int64, end int, ok bool) {
	end = e + 1
	for end < len(b) && end < e+5 && (b[end] == '+' || b[end] == '-' || b[end]-'0' <= 9) {
		end++
	}
	if end-start > 40 {
		return 0, end, false
	}
	f, err := strconv.ParseFloat(string(b[start:end]), 64)
	if err != nil {
		return 0, end, false
	}
	for f >= 1e11 {
		f /= 1e3
	}
	if f < 1e9 || f >= 4_102_444_800 {
		return 0, end, false
	}
	// A float64 of seconds is only good for microseconds.
	return int64(f*1e6+0.5) * 1e3, end, true
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipString returns the index after the string whose opening quote is b[i].
func skipString(b []byte, i int) int {
	i++
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		escapes := 0
		for j := i - 2; j >= 0 && b[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return len(b)
}

// skipValue returns the index after the JSON value at b[i].
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(b)
}
