package supervise

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Record is one line that a plugin wrote to its standard error.
type Record struct {
	// Level is "trace", "debug", "info", "warning" or "error". Lines that are no log record have "info".
	Level string
	// Message is the text, escaped: it holds no control character and no line break, and at most a few KiB.
	Message string
	// Fields are the other fields of a log record, as text, escaped and bounded likewise; nil if there are none.
	Fields map[string]string
	// Structured means that the line was a log record in JSON, otherwise Message is the line itself.
	Structured bool
	// Dropped counts the lines before this one that were left out because too many came.
	Dropped int
}

// StderrOptions of a [NewStderr]. The zero value of each field but Emit means the default.
type StderrOptions struct {
	// Emit is given the records, one after the other, by whoever writes. Needed.
	Emit func(Record)
	// MaxLine cuts longer lines, in bytes; default 4 KiB.
	MaxLine int
	// Rate and Burst bound the records per second; default 100 and 500. What is too many is dropped and counted.
	Rate, Burst int
}

// Stderr is a writer for the standard error of one plugin process; see [NewStderr].
type Stderr struct {
	o StderrOptions

	mu      sync.Mutex // guards the rest, and makes the calls of Emit one after the other
	line    []byte     // an incomplete line, at most MaxLine bytes
	cut     bool       // the line is longer, and the rest of it is skipped
	tokens  float64    // records that may be emitted now
	counted time.Time  // when tokens was brought up to date
	dropped int
}

// Limits of a record.
const (
	maxFields     = 16
	maxFieldName  = 64
	maxFieldValue = 1 << 10
)

// NewStderr returns a writer for the standard error of a plugin, to be given to [tail.LaunchOptions]. It makes records of lines: JSON
// lines as logrus and hclog write them are parsed, everything else is taken as it stands. Whatever is written, it never fails, never
// panics, and holds at most one line in memory.
func NewStderr(o StderrOptions) *Stderr {
	o.MaxLine = positive(o.MaxLine, 4<<10)
	o.Rate = positive(o.Rate, 100)
	o.Burst = positive(o.Burst, 500)
	return &Stderr{o: o, tokens: float64(o.Burst), counted: time.Now()}
}

// Write takes the next bytes. It never fails.
func (s *Stderr) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, complete := bytes.Cut(rest, []byte{'\n'})
		rest = after
		room := s.o.MaxLine - len(s.line)
		s.cut = s.cut || len(line) > room
		s.line = append(s.line, line[:min(room, len(line))]...)
		if complete {
			s.emit()
		}
	}
	return len(p), nil
}

// Flush makes a record of a line that has no end yet: the last words of a process.
func (s *Stderr) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit()
}

// emit makes a record of the line and begins the next one. s.mu is held.
func (s *Stderr) emit() {
	line, cut := bytes.TrimRight(s.line, "\r"), s.cut
	s.line, s.cut = s.line[:0], false
	if len(line) == 0 {
		return
	}
	now := time.Now()
	s.tokens = min(float64(s.o.Burst), s.tokens+now.Sub(s.counted).Seconds()*float64(s.o.Rate))
	s.counted = now
	if s.tokens < 1 {
		s.dropped++
		return
	}
	s.tokens--
	r := parseRecord(line, s.o.MaxLine)
	if cut {
		r.Message += "…"
	}
	r.Dropped, s.dropped = s.dropped, 0
	s.o.Emit(r)
}

// parseRecord makes a record of one line. limit bounds the message, in bytes.
func parseRecord(line []byte, limit int) Record {
	if fields := parseJSON(line); fields != nil {
		message, ok := pick(fields, "msg", "@message", "message")
		if ok {
			r := Record{Structured: true, Message: escape(message, limit)}
			level, _ := pick(fields, "level", "@level")
			r.Level = plainLevel(level)
			pick(fields, "time", "@timestamp", "timestamp") // The host's own log has the time.
			r.Fields = boundFields(fields)
			return r
		}
	}
	return Record{Level: "info", Message: escape(string(line), limit)}
}

// parseJSON returns the fields of a JSON object as text, or nil if line is none.
func parseJSON(line []byte) map[string]string {
	if line[0] != '{' {
		return nil
	}
	var values map[string]json.RawMessage
	if json.Unmarshal(line, &values) != nil {
		return nil
	}
	fields := make(map[string]string, len(values))
	for k, v := range values {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		fields[k] = text
	}
	return fields
}

// pick takes the first of the names that fields has.
func pick(fields map[string]string, names ...string) (string, bool) {
	for _, n := range names {
		if v, ok := fields[n]; ok {
			delete(fields, n)
			return v, true
		}
	}
	return "", false
}

// boundFields returns the first fields by name, made harmless.
func boundFields(fields map[string]string) map[string]string {
	if len(fields) == 0 {
		return nil
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	out := make(map[string]string, min(len(names), maxFields))
	for _, n := range names[:min(len(names), maxFields)] {
		out[escape(n, maxFieldName)] = escape(fields[n], maxFieldValue)
	}
	return out
}

// plainLevel maps the names of logrus and hclog to those of [Record].
func plainLevel(level string) string {
	switch l := strings.ToLower(level); l {
	case "trace", "debug", "info", "warning", "error":
		return l
	case "warn":
		return "warning"
	case "fatal", "panic":
		return "error"
	default:
		return "info"
	}
}

// escape makes s harmless in any log and on any terminal: what is not printable is written as Go would quote it. The result has at most
// about limit bytes.
func escape(s string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() >= limit {
			b.WriteString("…")
			break
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r):
			quoted := strconv.Quote(s[i : i+n])
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
