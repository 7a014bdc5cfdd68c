// Package lines makes the lines of the simulator, and reads back what makes them accountable.
//
// A [Source] makes records, a [Formatter] turns them into lines in one of several well-known formats, and [Parse] tells from a line
// that arrived somewhere which one it is and whether it is intact. Nothing here starts a goroutine.
package lines

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

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
	// Formats are the looks; none means [Loguru] alone. With several, each record gets one of them, as often as its share says.
	Formats []Share
	// Sequence ends each line with a mark.
	Sequence bool
	// First is the sequence number of the first line; 0 means 1.
	First uint64
	// Stream is the name of the producer in the marks: 1 to 16 lower-case letters and digits; empty means [DefaultStream].
	Stream string
	// Color adds loguru's colours. Only [Loguru] has them.
	Color bool
	// Length makes records at least so long, by points after the message.
	Length Length
	// Seed chooses formats and lengths.
	Seed uint64
}

// Formatter turns records into lines. It is not safe for concurrent use.
type Formatter struct {
	o      Options
	next   uint64
	looks  []look
	total  int   // of all shares
	look   *look // of the record at hand
	pad    int   // of the record at hand
	random *rand.Rand
	// plain is the scratch in which a coloured line is written without colours, for its checksum.
	plain []byte
	// escaped caches the message as the formats with quotes need it.
	message, escaped string
}

// look is one of a formatter's formats.
type look struct {
	Share
	// stamp is the formatted time of the millisecond stampAt in Unix time, which many lines share.
	stamp   []byte
	stampAt int64
}

// NewFormatter returns a formatter.
func NewFormatter(o Options) (*Formatter, error) {
	if len(o.Formats) == 0 {
		o.Formats = []Share{{Loguru, 1}}
	}
	if o.Stream == "" {
		o.Stream = DefaultStream
	}
	if o.First == 0 {
		o.First = 1
	}
	f := &Formatter{o: o, next: o.First, random: rand.New(rand.NewPCG(o.Seed, 0x6c6f6f6b))} //nolint:gosec // The same seed is to give the same lines.
	hasColors := false
	for _, s := range o.Formats {
		if err := s.check(); err != nil {
			return nil, err
		}
		hasColors = hasColors || s.Format == Loguru
		f.total += s.Weight
		f.looks = append(f.looks, look{Share: s, stampAt: -1})
	}
	switch {
	case !validStream([]byte(o.Stream)):
		return nil, fmt.Errorf("stream %q must be 1 to %d lower-case letters and digits", o.Stream, MaxStream)
	case o.Color && !hasColors:
		return nil, fmt.Errorf("only the format loguru has colours, not %s", o.Formats[0].Format)
	}
	if err := o.Length.check(); err != nil {
		return nil, err
	}
	f.look = &f.looks[0]
	return f, nil
}

// choose takes a format and a length for the next record.
func (f *Formatter) choose() {
	if len(f.looks) > 1 {
		n := f.random.IntN(f.total)
		for i := range f.looks {
			f.look = &f.looks[i]
			if n -= f.look.Weight; n < 0 {
				break
			}
		}
	}
	f.pad = f.o.Length.draw(f.random)
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
	f.choose()
	f.look.stampFor(r.Time)
	switch f.look.Format {
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
	for len(dst)-from < f.pad {
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
