package linetime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// lookBack is how much of a log a Stamper reads before the place where its reader begins, in bytes, and maxLookBack how much if
	// no line in that carries a time.
	lookBack    = 64 << 10
	maxLookBack = 1 << 20
	// maxAhead is how far in the future a line's own time may lie before it is taken for a mistake.
	maxAhead = 7 * secondsPerDay * int64(nanosPerSec)
)

// Stamper gives each line of a log a time: the one that the line carries, or that of the line before it. The times grow by at least a
// nanosecond from line to line, so that they tell the lines apart and keep their order.
//
// A reader that begins in the middle of a log calls [Stamper.Prime] first; then a line gets the same time wherever its reader began.
// (The two can differ after more than 64 KiB of lines that share one time or run backwards.)
//
// A Stamper is for one goroutine, and for one generation of a log after the other, in their order.
type Stamper struct {
	// Parser finds the times of lines.
	Parser *Parser
	// Base is the time of the first byte of a log whose lines carry no time, in nanoseconds since 1970: such lines get Base plus their
	// offset. The time when the file was created or first seen is a good choice. It may be changed between lines.
	Base int64

	last  int64
	own   bool  // a line carried a time
	begun bool  // a line was stamped
	lead  int64 // stands in for Base, if led
	led   bool
}

// Stamp returns the time of the next line, which begins at offset.
func (s *Stamper) Stamp(line []byte, offset int64) int64 {
	t, ok := s.Parser.Nano(line)
	if ok && s.Parser.isFuture(t) {
		ok = false // One line that is wrong by years must not drag all that follow along.
	}
	switch {
	case ok && !s.own:
		s.own = true
		// What Base says about the lines so far may be wrong by years, and must not drag all that follow along.
		s.begun = s.begun && s.last-t < nanosPerSec
	case ok:
	case s.own:
		t = s.last + 1
	case s.led:
		t = s.lead + offset
	default:
		t = s.Base + offset
	}
	if s.begun && t <= s.last {
		t = s.last + 1
	}
	s.begun, s.last = true, t
	return t
}

// Restart forgets the lines seen, for a reader that jumps. [Stamper.Prime] does it too.
func (s *Stamper) Restart() { *s = Stamper{Parser: s.Parser, Base: s.Base} }

// Last returns the time given last; ok is false if no line was stamped since the start.
func (s *Stamper) Last() (t int64, ok bool) { return s.last, s.begun }

// Prime makes ready to stamp the line at offset of the generation that r reads, by looking at what stands before it. If lines without
// a time begin the log, it looks ahead to the first that has one, so that they come right before it.
func (s *Stamper) Prime(r io.ReaderAt, offset int64) error { return s.prime(r, offset, s.Restart) }

// PrimeAfter is [Stamper.Prime] for a generation that is not the first: last is the time of the last line of the one before it, as found
// with Prime at its end and [Stamper.Last]. So times grow from generation to generation, too.
func (s *Stamper) PrimeAfter(last int64, r io.ReaderAt, offset int64) error {
	return s.prime(r, offset, func() {
		s.Restart()
		s.last, s.begun, s.own = last, true, true
	})
}

// prime does it; restart is how things stand before the first line of the generation.
func (s *Stamper) prime(r io.ReaderAt, offset int64, restart func()) error {
	for back := int64(lookBack); ; back *= 4 {
		from := max(0, offset-back)
		if from == 0 {
			restart()
			if err := s.lookAhead(r); err != nil {
				return err
			}
			return s.walk(r, 0, offset)
		}
		s.Restart()
		if err := s.walk(r, from, offset); err != nil || s.own || back >= maxLookBack {
			return err
		}
	}
}

// lookAhead finds the first line of a generation that carries a time, unless what came before has one already.
func (s *Stamper) lookAhead(r io.ReaderAt) error {
	if s.own {
		return nil
	}
	l := lines{r: r, size: maxLookBack, buf: make([]byte, bufferSize)}
	for l.next(l.size) {
		if t, ok := s.Parser.Nano(l.line); ok && !s.Parser.isFuture(t) {
			s.lead, s.led = t-l.start, true
			break
		}
	}
	return l.err
}

// Begins returns the time of the first byte of the generation that r reads, as [Stamper.Prime] at its beginning finds it. dated is false if no line in
// its first MiB carries a time. It reads no further than the first line that does.
func (s *Stamper) Begins(r io.ReaderAt) (t int64, dated bool, err error) {
	s.Restart()
	err = s.lookAhead(r)
	return s.lead, s.led, err
}

// walk stamps the lines that begin and end in [from, to); unless from is 0, those after the first newline.
func (s *Stamper) walk(r io.ReaderAt, from, to int64) error {
	l := lines{r: r, at: from, size: to, buf: make([]byte, min(bufferSize, max(1, to-from)))}
	if from > 0 {
		l.at--
		if !l.skip() {
			return l.err
		}
	}
	for l.next(to) {
		// In the middle of a log, lines before the first with a time belong to one that is out of sight, not to Base.
		if from > 0 && !s.own {
			if t, ok := s.Parser.Nano(l.line); !ok || s.Parser.isFuture(t) {
				continue
			}
		}
		s.Stamp(l.line, l.start)
	}
	return l.err
}

// isFuture reports whether t, which a line claims, is too far ahead to be true.
func (p *Parser) isFuture(t int64) bool {
	if t <= p.believable {
		return false
	}
	ref := time.Now() // Not the reference alone, which may be the time when following began, long ago.
	if p.Reference.After(ref) {
		ref = p.Reference
	}
	p.believable = ref.UnixNano() + maxAhead
	return t > p.believable
}

// bufferSize is how much of a log is read at once, in bytes. A longer line is seen by its start alone.
const bufferSize = 64 << 10

// lines walks the lines of a log forward.
type lines struct {
	r    io.ReaderAt
	at   int64 // where the next line begins
	size int64 // nothing is read from here on
	buf  []byte
	have []byte // what buf holds from at on
	err  error
	read int64 // bytes read so far

	long  []byte // the start of a line longer than buf
	line  []byte // the line that next found, without its ending
	start int64  // where it begins
}

// next finds the next line if it begins before end.
func (l *lines) next(end int64) bool {
	if l.at >= min(end, l.size) {
		return false
	}
	n := bytes.IndexByte(l.have, '\n')
	if n < 0 {
		if !l.fill() {
			return false
		}
		n = bytes.IndexByte(l.have, '\n')
	}
	l.start = l.at
	if n >= 0 {
		l.line = l.have[:n]
		l.advance(n + 1)
		return true
	}
	// The last line, or one longer than the buffer, of which the start must do. skip takes the rest, and overwrites the buffer, so the
	// start is kept first.
	keep := min(len(l.have), maxLongLine)
	l.long = append(l.long[:0], l.have[:keep]...)
	l.line = l.long
	return l.skip() || l.err == nil
}

// maxLongLine is how much of a line that is longer than the buffer is looked at.
const maxLongLine = 16 << 10

// skip goes to the start of the next line.
func (l *lines) skip() bool {
	for l.at < l.size {
		if len(l.have) == 0 && !l.fill() {
			return false
		}
		if n := bytes.IndexByte(l.have, '\n'); n >= 0 {
			l.advance(n + 1)
			return true
		}
		l.advance(len(l.have))
	}
	return false
}

func (l *lines) advance(n int) {
	l.at += int64(n)
	l.have = l.have[n:]
}

// fill reads on from at. It reports whether there is anything.
func (l *lines) fill() bool {
	n, err := l.r.ReadAt(l.buf[:min(int64(len(l.buf)), l.size-l.at)], l.at)
	l.read += int64(n)
	l.have = l.buf[:n]
	if n == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			l.err = fmt.Errorf("read at offset %d: %w", l.at, err)
		}
		l.size = l.at // A log that got shorter ends here.
		return false
	}
	return true
}

// seek goes to another place.
func (l *lines) seek(at int64) { l.at, l.have = at, nil }
