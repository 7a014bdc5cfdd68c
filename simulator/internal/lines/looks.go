package lines

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

func (l *look) stampFor(t time.Time) {
	ms := t.UnixMilli()
	if ms == l.stampAt {
		return
	}
	l.stampAt = ms
	var layout string
	switch l.Format {
	case Loguru:
		layout = "2006-01-02 15:04:05.000"
	case Klog:
		layout = "0102 15:04:05.000000"
	case Nginx:
		layout = "02/Jan/2006:15:04:05 -0700"
	default:
		layout = "2006-01-02T15:04:05.000Z07:00"
	}
	l.stamp = t.AppendFormat(l.stamp[:0], layout)
}

func (f *Formatter) loguru(dst []byte, r *Record) []byte {
	dst = append(dst, f.look.stamp...)
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
	dst = append(dst, f.look.stamp...)
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
	dst = append(dst, f.look.stamp...)
	dst = append(dst, "       1 main.go:30] "...)
	return append(dst, r.Message...)
}

func (f *Formatter) syslog(dst []byte, r *Record) []byte {
	severities := [...]int64{7, 7, 6, 4, 3, 2}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, 8+severities[r.Level], 10)
	dst = append(dst, ">1 "...)
	dst = append(dst, f.look.stamp...)
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
	dst = append(dst, f.look.stamp...)
	dst = append(dst, `","level":"`...)
	dst = append(dst, lower[r.Level]...)
	dst = append(dst, `","message":`...)
	dst = append(dst, f.quoted(r.Message)...)
	if len(r.Trace) > 0 {
		dst = append(dst, `,"trace":`...)
		dst = append(dst, quote(strings.Join(r.Trace, "\n"))...)
	}
	if f.pad == 0 && !f.o.Sequence {
		return f.end(dst, from, r, "}")
	}
	dst = append(dst, `,"mark":"`...)
	return f.end(dst, from, r, `"}`)
}

func (f *Formatter) logfmt(dst []byte, r *Record) []byte {
	from := len(dst)
	dst = append(dst, "time="...)
	dst = append(dst, f.look.stamp...)
	dst = append(dst, " level="...)
	dst = append(dst, lower[r.Level]...)
	dst = append(dst, " msg="...)
	dst = append(dst, f.quoted(r.Message)...)
	if len(r.Trace) > 0 {
		dst = append(dst, " trace="...)
		dst = append(dst, quote(strings.Join(r.Trace, "\n"))...)
	}
	if f.pad == 0 && !f.o.Sequence {
		return f.end(dst, from, r, "")
	}
	dst = append(dst, ` mark="`...)
	return f.end(dst, from, r, `"`)
}

func (f *Formatter) nginx(dst []byte, r *Record) []byte {
	statuses := [...]string{"200", "200", "200", "404", "500", "503"}
	from := len(dst)
	dst = append(dst, "127.0.0.1 - - ["...)
	dst = append(dst, f.look.stamp...)
	dst = append(dst, `] "GET /orders HTTP/1.1" `...)
	dst = append(dst, statuses[r.Level]...)
	dst = append(dst, ` 612 "-" `...)
	dst = append(dst, f.quoted(r.Message)...)
	if f.pad == 0 && !f.o.Sequence {
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
