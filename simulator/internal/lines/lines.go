// Package lines makes the lines of the simulator, and reads back what makes them accountable.
//
// A [Source] makes records, a [Formatter] turns them into lines in one of several well-known formats, and [Parse] tells from a line
// that arrived somewhere which one it is and whether it is intact. Nothing here starts a goroutine.
package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Format names the look of a line.
type Format string

// The formats.
const (
	// Loguru is the default of Python's loguru: 2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa.
	Loguru Format = "loguru"
	// JSON is one object on each line.
	JSON Format = "json"
	// Logfmt is key=value.
	Logfmt Format = "logfmt"
	// Nginx is the combined access log.
	Nginx Format = "nginx"
	// Klog is what Kubernetes components write.
	Klog Format = "klog"
	// Syslog is RFC 5424.
	Syslog Format = "syslog"
)

// Formats lists the formats.
func Formats() []Format { return []Format{Loguru, JSON, Logfmt, Nginx, Klog, Syslog} }

const (
	// DefaultMessage is the text of a line unless another is wanted.
	DefaultMessage = "你好aaa"
	// DefaultStream is the name of the producer unless another is wanted.
	DefaultStream = "sim"
	// MaxMessage is the longest message, in bytes.
	MaxMessage = 60 << 10
	// MaxLine is more than the longest line, in bytes.
	MaxLine = 4*MaxMessage + 4096
)

// Options says what a [Formatter] writes.
type Options struct {
	// Format is the look; empty means [Loguru].
	Format Format
	// Sequence ends each line with a mark.
	Sequence bool
	// First is the sequence number of the first line; 0 means 1.
	First uint64
	// Stream is the name of the producer in the marks: 1 to 16 lower-case letters and digits; empty means [DefaultStream].
	Stream string
	// Color adds loguru's colours. Only [Loguru] has them.
	Color bool
	// Pad makes each line at least this long, in bytes without its ending, by points after the message.
	Pad int
}

// Formatter turns records into lines. It is not safe for concurrent use.
type Formatter struct {
	o    Options
	next uint64
	// stamp is the formatted time of the millisecond stampAt in Unix time, which many lines share.
	stamp   []byte
	stampAt int64
	// plain is the scratch in which a coloured line is written without colours, for its checksum.
	plain []byte
	// escaped caches the message as the format needs it.
	message, escaped string
}

// NewFormatter returns a formatter.
func NewFormatter(o Options) (*Formatter, error) {
	if o.Format == "" {
		o.Format = Loguru
	}
	if o.Stream == "" {
		o.Stream = DefaultStream
	}
	if o.First == 0 {
		o.First = 1
	}
	known := false
	for _, f := range Formats() {
		known = known || f == o.Format
	}
	switch {
	case !known:
		return nil, fmt.Errorf("format %q is unknown; use one of %v", o.Format, Formats())
	case !validStream([]byte(o.Stream)):
		return nil, fmt.Errorf("stream %q must be 1 to %d lower-case letters and digits", o.Stream, MaxStream)
	case o.Color && o.Format != Loguru:
		return nil, fmt.Errorf("only the format loguru has colours, not %s", o.Format)
	case o.Pad < 0 || o.Pad > MaxMessage:
		return nil, fmt.Errorf("line length %d must be from 0 to %d", o.Pad, MaxMessage)
	}
	return &Formatter{o: o, next: o.First, stampAt: -1}, nil
}

// CheckMessage tells whether a message can be written.
func CheckMessage(message string) error {
	switch {
	case len(message) > MaxMessage:
		return fmt.Errorf("message has %d bytes; at most %d are possible", len(message), MaxMessage)
	case strings.ContainsAny(message, "\n\r"):
		return errors.New("message must not contain a line break")
	case strings.Contains(message, "\x1b"):
		return errors.New("message must not contain an escape character")
	case !utf8.ValidString(message):
		return errors.New("message must be UTF-8")
	}
	return nil
}

// Next returns the sequence number of the next line.
func (f *Formatter) Next() uint64 { return f.next }

// Append appends the lines of r, each with its line ending, and returns how many they are.
func (f *Formatter) Append(dst []byte, r *Record) (out []byte, n int) {
	f.stampFor(r.Time)
	switch f.o.Format {
	case Loguru:
		if f.o.Color {
			dst = f.coloured(dst, r)
		} else {
			from := len(dst)
			dst = f.loguru(dst, r)
			dst = f.end(dst, from, r, "")
		}
		return f.traceLines(dst, r)
	case Klog:
		from := len(dst)
		dst = f.klog(dst, r)
		dst = f.end(dst, from, r, "")
		return f.traceLines(dst, r)
	case JSON:
		return f.json(dst, r), 1
	case Logfmt:
		return f.logfmt(dst, r), 1
	case Nginx:
		return f.nginx(dst, r), 1
	default:
		from := len(dst)
		dst = f.syslog(dst, r)
		return f.end(dst, from, r, ""), 1
	}
}

// end pads, marks and ends the line that began at from; tail is what closes the format.
func (f *Formatter) end(dst []byte, from int, r *Record, tail string) []byte {
	for len(dst)-from < f.o.Pad {
		dst = append(dst, '.')
	}
	if f.o.Sequence {
		if tail == "" {
			dst = append(dst, ' ')
		}
		dst = appendMark(dst, from, f.o.Stream, f.next, r.Time)
	}
	f.next++
	dst = append(dst, tail...)
	return append(dst, '\n')
}

func (f *Formatter) traceLines(dst []byte, r *Record) ([]byte, int) {
	for _, t := range r.Trace {
		from := len(dst)
		dst = append(dst, t...)
		if f.o.Sequence {
			dst = append(dst, ' ')
			dst = appendMark(dst, from, f.o.Stream, f.next, r.Time)
		}
		f.next++
		dst = append(dst, '\n')
	}
	return dst, 1 + len(r.Trace)
}

func (f *Formatter) stampFor(t time.Time) {
	ms := t.UnixMilli()
	if ms == f.stampAt {
		return
	}
	f.stampAt = ms
	var layout string
	switch f.o.Format {
	case Loguru:
		layout = "2006-01-02 15:04:05.000"
	case Klog:
		layout = "0102 15:04:05.000000"
	case Nginx:
		layout = "02/Jan/2006:15:04:05 -0700"
	default:
		layout = "2006-01-02T15:04:05.000Z07:00"
	}
	f.stamp = t.AppendFormat(f.stamp[:0], layout)
}

func (f *Formatter) loguru(dst []byte, r *Record) []byte {
	dst = append(dst, f.stamp...)
	dst = append(dst, " | "...)
	dst = append(dst, names[r.Level]...)
	dst = append(dst, " | __main__:<module>:30 - "...)
	return append(dst, r.Message...)
}

// levelColors are loguru's.
var levelColors = [...]string{"\x1b[36m\x1b[1m", "\x1b[34m\x1b[1m", "\x1b[1m", "\x1b[33m\x1b[1m", "\x1b[31m\x1b[1m", "\x1b[41m\x1b[1m"}

const reset = "\x1b[0m"

// coloured writes the line twice: plain in the scratch, to pad it and to compute the mark, and with colours.
func (f *Formatter) coloured(dst []byte, r *Record) []byte {
	const head = len("2006-01-02 15:04:05.000 | INFO     | __main__:<module>:30 - ")
	f.plain = f.loguru(f.plain[:0], r)
	f.plain = f.end(f.plain, 0, r, "")
	color := levelColors[r.Level]
	dst = append(dst, "\x1b[32m"...)
	dst = append(dst, f.stamp...)
	dst = append(dst, reset+" | "...)
	dst = append(dst, color...)
	dst = append(dst, names[r.Level]...)
	dst = append(dst, reset+" | \x1b[36m__main__"+reset+":\x1b[36m<module>"+reset+":\x1b[36m30"+reset+" - "...)
	dst = append(dst, color...)
	dst = append(dst, f.plain[head:len(f.plain)-1]...)
	return append(dst, reset+"\n"...)
}

func (f *Formatter) klog(dst []byte, r *Record) []byte {
	const letters = "IIIWEF"
	dst = append(dst, letters[r.Level])
	dst = append(dst, f.stamp...)
	dst = append(dst, "       1 main.go:30] "...)
	return append(dst, r.Message...)
}

func (f *Formatter) syslog(dst []byte, r *Record) []byte {
	severities := [...]int64{7, 7, 6, 4, 3, 2}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, 8+severities[r.Level], 10)
	dst = append(dst, ">1 "...)
	dst = append(dst, f.stamp...)
	dst = append(dst, " host simulator 1 - - "...)
	dst = append(dst, r.Message...)
	for _, t := range r.Trace {
		dst = append(dst, "#012"...)
		dst = append(dst, t...)
	}
	return dst
}

func (f *Formatter) json(dst []byte, r *Record) []byte {
	from := len(dst)
	dst = append(dst, `{"time":"`...)
	dst = append(dst, f.stamp...)
	dst = append(dst, `","level":"`...)
	dst = append(dst, lower[r.Level]...)
	dst = append(dst, `","message":`...)
	dst = append(dst, f.quoted(r.Message)...)
	if len(r.Trace) > 0 {
		dst = append(dst, `,"trace":`...)
		dst = append(dst, quote(strings.Join(r.Trace, "\n"))...)
	}
	if f.o.Pad == 0 && !f.o.Sequence {
		return f.end(dst, from, r, "}")
	}
	dst = append(dst, `,"mark":"`...)
	return f.end(dst, from, r, `"}`)
}

func (f *Formatter) logfmt(dst []byte, r *Record) []byte {
	from := len(dst)
	dst = append(dst, "time="...)
	dst = append(dst, f.stamp...)
	dst = append(dst, " level="...)
	dst = append(dst, lower[r.Level]...)
	dst = append(dst, " msg="...)
	dst = append(dst, f.quoted(r.Message)...)
	if len(r.Trace) > 0 {
		dst = append(dst, " trace="...)
		dst = append(dst, quote(strings.Join(r.Trace, "\n"))...)
	}
	if f.o.Pad == 0 && !f.o.Sequence {
		return f.end(dst, from, r, "")
	}
	dst = append(dst, ` mark="`...)
	return f.end(dst, from, r, `"`)
}

func (f *Formatter) nginx(dst []byte, r *Record) []byte {
	statuses := [...]string{"200", "200", "200", "404", "500", "503"}
	from := len(dst)
	dst = append(dst, "127.0.0.1 - - ["...)
	dst = append(dst, f.stamp...)
	dst = append(dst, `] "GET /orders HTTP/1.1" `...)
	dst = append(dst, statuses[r.Level]...)
	dst = append(dst, ` 612 "-" `...)
	dst = append(dst, f.quoted(r.Message)...)
	if f.o.Pad == 0 && !f.o.Sequence {
		return f.end(dst, from, r, "")
	}
	dst = append(dst, ` "`...)
	return f.end(dst, from, r, `"`)
}

// quoted returns message as a JSON string. Messages repeat, so the last one is kept.
func (f *Formatter) quoted(message string) string {
	if f.escaped == "" || f.message != message {
		f.message, f.escaped = message, quote(message)
	}
	return f.escaped
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// A string always encodes.
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}
