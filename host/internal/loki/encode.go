package loki

import (
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

// The responses are written by hand: the order of their members matters to clients, and most of their bytes are lines of logs.

const hex = "0123456789abcdef"

// appendString appends s as a JSON string. What is no UTF-8 becomes U+FFFD.
func appendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		n := 1
		if c >= utf8.RuneSelf {
			var r rune
			r, n = utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			if c >= utf8.RuneSelf {
				b = append(b, "\uFFFD"...)
			} else {
				b = append(b, `\u00`...)
				b = append(b, hex[c>>4], hex[c&15])
			}
		}
		i += n
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// appendLabels appends labels as a JSON object.
func appendLabels(b []byte, labels []logql.Label) []byte {
	b = append(b, '{')
	for i, l := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, l.Name)
		b = append(b, ':')
		b = appendString(b, l.Value)
	}
	return append(b, '}')
}

// appendEntry appends a line as ["ns","line"].
func appendEntry(b []byte, at int64, line string) []byte {
	b = append(b, '[', '"')
	b = strconv.AppendInt(b, at, 10)
	b = append(b, '"', ',')
	b = appendString(b, line)
	return append(b, ']')
}

// appendSample appends a point as [seconds,"value"].
func appendSample(b []byte, at int64, value float64) []byte {
	b = append(b, '[')
	b = strconv.AppendFloat(b, float64(at/1e6)/1e3, 'f', -1, 64)
	b = append(b, ',', '"')
	b = strconv.AppendFloat(b, value, 'f', -1, 64)
	return append(b, '"', ']')
}

// appendStrings appends a list of strings, [] if there are none.
func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// success begins an answer, with the warnings where Loki has them.
func success(m *missing) []byte {
	b := []byte(`{"status":"success",`)
	if w := m.warnings(); len(w) > 0 {
		b = append(appendStrings(append(b, `"warnings":`...), w), ',')
	}
	return b
}

// resultStart begins the answer to a query; resultType comes before result because Grafana reads it twice otherwise.
func resultStart(kind string, m *missing) []byte {
	return append(success(m), `"data":{"resultType":"`+kind+`","result":[`...)
}

const resultEnd = `],"stats":{}}}`

func writeJSON(w http.ResponseWriter, b []byte) error {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b) //nolint:gosec // It is JSON by its type, and no browser takes it for markup. A client that has gone is no error of ours.
	return nil
}
