package linetime

import (
	"bytes"
	"time"
)

const (
	secondsPerDay = 86400
	nanosPerSec   = 1_000_000_000
	// minYear and maxYear are the years that nanoseconds since 1970 can hold, without those that are only seen when a program
	// writes an unset time.
	minYear = 1970
	maxYear = 2261
)

// skipInvisible returns the index of the first byte at or after i that is not part of a terminal escape or a byte order mark.
func skipInvisible(b []byte, i int) int {
	for i < len(b) {
		switch {
		case b[i] == 0x1b && i+1 < len(b) && b[i+1] == '[':
			j := i + 2
			for j < len(b) && b[j] < 0x40 {
				j++
			}
			i = j + 1
		case b[i] == 0xef && bytes.HasPrefix(b[i:], []byte("\xef\xbb\xbf")):
			i += 3
		default:
			return i
		}
	}
	return len(b)
}

// two reads two digits; it returns a number over 99 if they are none.
func two(b []byte, i int) int {
	if i+1 >= len(b) {
		return 255
	}
	hi, lo := b[i]-'0', b[i+1]-'0'
	if hi > 9 || lo > 9 {
		return 255
	}
	return int(hi)*10 + int(lo)
}

// four reads four digits; it returns -1 if they are none.
func four(b []byte, i int) int {
	hi, lo := two(b, i), two(b, i+2)
	if hi > 99 || lo > 99 {
		return -1
	}
	return hi*100 + lo
}

func isDigit(b []byte, i int) bool { return i < len(b) && b[i]-'0' <= 9 }

// clock reads HH:MM:SS and a fraction after a point or comma.
func clock(b []byte, i int) (sec int64, frac int64, end int, ok bool) {
	if i+8 > len(b) || b[i+2] != ':' || b[i+5] != ':' {
		return 0, 0, 0, false
	}
	h, m, s := two(b, i), two(b, i+3), two(b, i+6)
	if h > 23 || m > 59 || s > 60 || isDigit(b, i+8) {
		return 0, 0, 0, false
	}
	frac, end = fraction(b, i+8)
	return int64(h*3600 + m*60 + s), frac, end, true
}

// fraction reads a decimal fraction, if there is one, as billionths.
func fraction(b []byte, i int) (billionths int64, end int) {
	if i+1 >= len(b) || (b[i] != '.' && b[i] != ',') || b[i+1]-'0' > 9 {
		return 0, i
	}
	i++
	scale := int64(nanosPerSec)
	for i < len(b) && b[i]-'0' <= 9 {
		if scale > 1 {
			scale /= 10
			billionths += int64(b[i]-'0') * scale
		}
		i++
	}
	return billionths, i
}

// offset reads a zone after a clock: Z, UTC, GMT, +08:00, +0800 or +08. Before letters and full offsets one space is allowed.
// ok is false if there is none.
func offset(b []byte, i int) (seconds int64, ok bool) {
	if i >= len(b) {
		return 0, false
	}
	spaced := b[i] == ' '
	if spaced {
		i++
		if i >= len(b) {
			return 0, false
		}
	}
	switch b[i] {
	case 'Z', 'z':
		return 0, i+1 >= len(b) || !isWord(b[i+1])
	case 'U', 'G':
		if i+3 <= len(b) && (string(b[i:i+3]) == "UTC" || string(b[i:i+3]) == "GMT") {
			return 0, i+3 >= len(b) || !isWord(b[i+3])
		}
	case '+', '-':
		h, m := two(b, i+1), 0
		if h > 15 {
			return 0, false
		}
		end := i + 3
		switch {
		case end < len(b) && b[end] == ':':
			m = two(b, end+1)
			end += 3
		case isDigit(b, end):
			m = two(b, end)
			end += 2
		case spaced: // "08:59:00 -10 degrees"
			return 0, false
		}
		if m > 59 || isDigit(b, end) {
			return 0, false
		}
		seconds = int64(h*3600 + m*60)
		if b[i] == '-' {
			seconds = -seconds
		}
		return seconds, true
	}
	return 0, false
}

func isWord(c byte) bool {
	k := class[c]
	return k == classDigit || k == classUpper || k == classLower
}

// month reads the English short name of a month, with any capitals; 0 if it is none.
func month(b []byte, i int) int {
	if i+3 > len(b) {
		return 0
	}
	switch uint32(b[i]|0x20)<<16 | uint32(b[i+1]|0x20)<<8 | uint32(b[i+2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// isWeekday reports whether the English short name of a weekday stands at b[i].
func isWeekday(b []byte, i int) bool {
	if i+3 > len(b) {
		return false
	}
	switch string(b[i : i+3]) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

var monthDays = [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func isLeap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// days counts the days from 1970-01-01 to a date of the Gregorian calendar. ok is false if there is no such date.
func days(y, m, d int) (n int64, ok bool) {
	if y < minYear || y > maxYear || m < 1 || m > 12 || d < 1 || d > monthDays[m] || (m == 2 && d == 29 && !isLeap(y)) {
		return 0, false
	}
	// Years that begin in March have their leap day at the end.
	if m < 3 {
		y--
		m += 12
	}
	return int64(365*y + y/4 - y/100 + y/400 + (153*m-457)/5 + d - 719469), true
}

// zoneCache remembers the offset of a location for a quarter of an hour; the clocks of the world only jump between those.
type zoneCache struct {
	loc     *time.Location
	quarter int64
	offset  int64
}

// unix turns seconds of local time since 1970 into seconds of UTC.
func (p *Parser) unix(local int64) int64 {
	loc := p.Location
	if loc == nil || loc == time.UTC {
		return local
	}
	quarter := local / 900
	if p.zone.loc != loc || p.zone.quarter != quarter {
		u := time.Unix(local, 0).UTC()
		t := time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, loc)
		p.zone = zoneCache{loc: loc, quarter: quarter, offset: local - t.Unix()}
	}
	return local - p.zone.offset
}

// inferYear is the last year in which a date is at most a week after the reference.
func (p *Parser) inferYear(m, d int, sec int64) (day int64, ok bool) {
	ref := p.Reference
	if ref.IsZero() {
		ref = time.Now()
	}
	latest := ref.Unix() + 7*secondsPerDay
	year := ref.UTC().Year() + 1
	for range 10 { // A leap day can be eight years back.
		if n, ok := days(year, m, d); ok && p.unix(n*secondsPerDay+sec) <= latest {
			return n, true
		}
		year--
	}
	return 0, false
}
