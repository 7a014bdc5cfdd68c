// Package linetime finds out when a line of a log was written, from the line itself.
//
// A [Parser] knows the usual ways to write a time at the start of a line: ISO 8601 and its relatives (loguru, Python's logging, Go's
// log, nginx's error log), syslog (RFC 3164 and 5424), the access logs of Apache and nginx, klog and glog, seconds or milliseconds since
// 1970, and the time fields of JSON and logfmt lines. A [Stamper] turns the lines of a log into strictly increasing times, also where
// lines have none. A [Search] finds the first line that is not older than a given time by looking at a few places of a big log.
//
// What a line's time is depends on the line alone, never on the lines before it, so that two readers of a log agree. Nothing in
// this package allocates per line or starts goroutines.
package linetime

import "time"

// maxLook is how far into a line a time is looked for that does not stand at its start, in bytes.
const maxLook = 256

// Parser finds the time that a line carries. The zero value reads times without a zone as UTC and dates without a year as recent ones.
// It holds a small cache, so it must not be used by several goroutines at once.
type Parser struct {
	// Location is that of times without a zone; nil means UTC.
	Location *time.Location
	// Reference is close to when the log was last written: the time of modification of a rotated file. A date without a year is given
	// the last year in which it is not more than a week after the reference. Zero means now, which is right for a log that grows.
	Reference time.Time

	zone       zoneCache
	believable int64 // see isFuture
}

// Find returns the time that line carries. ok is false if it carries none.
func (p *Parser) Find(line []byte) (t time.Time, ok bool) {
	ns, ok := p.Nano(line)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(0, ns), true
}

// Nano is [Parser.Find] in nanoseconds since 1970 UTC. Only times from 1970 to 2261 are recognised.
func (p *Parser) Nano(line []byte) (ns int64, ok bool) {
	i := skipInvisible(line, 0)
	if i >= len(line) {
		return 0, false
	}
	switch line[i] {
	case '{':
		ns, _, ok = p.object(line, i, 0)
		return ns, ok
	case ' ', '\t':
		// An indented line goes on from the one before; a date in the middle of it is no time of its own.
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		return p.at(line, skipInvisible(line, i), true)
	}
	if ns, ok = p.at(line, i, true); ok {
		return ns, true
	}
	return p.look(line, i)
}

// at reads a time that begins at b[i]. epoch allows plain numbers.
func (p *Parser) at(b []byte, i int, epoch bool) (ns int64, ok bool) {
	for range 3 { // Brackets and quotes around the time, a priority before it.
		if i >= len(b) {
			return 0, false
		}
		switch c := b[i]; {
		case c-'0' <= 9:
			return p.atDigit(b, i, epoch)
		case c == '[' || c == '(' || c == '"' || c == '\'':
			i = skipInvisible(b, i+1)
		case c == '<':
			end, ok := priority(b, i)
			if !ok {
				return 0, false
			}
			i = end
		default:
			return p.atLetter(b, i)
		}
	}
	return 0, false
}

// look searches the start of a line for the first time in it, beginning where a word begins.
func (p *Parser) look(b []byte, from int) (ns int64, ok bool) {
	end := min(len(b), from+maxLook)
	for i := from; i < end; i++ {
		switch class[b[i]] {
		case classDigit:
			if ns, ok := p.atDigit(b, i, false); ok {
				return ns, true
			}
			for i+1 < end && class[b[i+1]] != classSpace && class[b[i+1]] != classOpen {
				i++
			}
		case classUpper, classLower:
			if ns, ok := p.atLetter(b, i); ok {
				return ns, true
			}
			for i+1 < end && (class[b[i+1]] == classLower || class[b[i+1]] == classUpper || class[b[i+1]] == classDigit) {
				i++
			}
		case classEscape:
			i = max(i, skipInvisible(b, i)-1)
		case classOpen:
			if b[i] == '"' && i > from && b[i-1] == '=' { // A quoted value of logfmt is a message of its own.
				i = skipString(b, i) - 1
				end = min(len(b), max(end, i+maxLook/2))
			}
		}
	}
	return 0, false
}

// The classes of bytes that look goes by.
const (
	classSpace  = iota // anything that is none of the others
	classDigit         // 0 to 9
	classUpper         // A to Z
	classLower         // a to z, _, @
	classOpen          // what may stand right before a time
	classEscape        // the start of a terminal escape
)

var class = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = classDigit
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c], t[c|0x20] = classUpper, classLower
	}
	t['_'], t['@'] = classLower, classLower
	for _, c := range `[("'|=,;` {
		t[c] = classOpen
	}
	t[0x1b] = classEscape
	return t
}()
