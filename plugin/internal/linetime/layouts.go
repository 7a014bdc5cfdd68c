package linetime

// atDigit reads a time that begins with a digit.
func (p *Parser) atDigit(b []byte, i int, epoch bool) (ns int64, ok bool) {
	if i+10 > len(b) {
		return 0, false
	}
	switch b[i+4] {
	case '-', '/':
		return p.iso(b, i)
	}
	switch {
	case b[i+2] == ' ' || b[i+2] == '-' || b[i+2] == '/':
		return p.dayFirst(b, i, two(b, i), i+3)
	case b[i+1] == ' ':
		return p.dayFirst(b, i, int(b[i]-'0'), i+2)
	case b[i+8] == 'T' || b[i+8] == ' ' || b[i+8] == '-':
		if ns, ok := p.compact(b, i); ok {
			return ns, true
		}
	}
	if epoch {
		ns, end, ok := number(b, i, true)
		if ok && end < len(b) && (isWord(b[end]) || b[end] == '-' || b[end] == '.') {
			return 0, false
		}
		return ns, ok
	}
	return 0, false
}

// atLetter reads a time that begins with a letter.
func (p *Parser) atLetter(b []byte, i int) (ns int64, ok bool) {
	switch class[b[i]] {
	case classUpper:
		if i+15 > len(b) {
			return 0, false
		}
		switch {
		case isDigit(b, i+1):
			return p.klog(b, i)
		case b[i+3] == ' ' || b[i+3] == ',':
			if month(b, i) != 0 {
				return p.syslog(b, i)
			}
			if isWeekday(b, i) {
				return p.weekday(b, i)
			}
		}
	case classLower:
		if i > 0 && b[i-1] != ' ' && b[i-1] != '\t' && b[i-1] != 'm' { // m ends a colour.
			return 0, false
		}
		return p.logfmt(b, i)
	}
	return 0, false
}

// iso reads 2006-01-02 15:04:05, with T or a space, hyphens or slashes, with and without fraction and zone.
func (p *Parser) iso(b []byte, i int) (ns int64, ok bool) {
	if i+19 > len(b) || b[i+7] != b[i+4] {
		return 0, false
	}
	switch b[i+10] {
	case ' ', 'T', 't', '_', '-':
	default:
		return 0, false
	}
	day, ok := days(four(b, i), two(b, i+5), two(b, i+8))
	if !ok {
		return 0, false
	}
	return p.finish(b, i+11, day)
}

// compact reads 20060102T150405 and 20060102 15:04:05.
func (p *Parser) compact(b []byte, i int) (ns int64, ok bool) {
	day, ok := days(four(b, i), two(b, i+4), two(b, i+6))
	if !ok {
		return 0, false
	}
	if i+11 < len(b) && b[i+11] == ':' {
		return p.finish(b, i+9, day)
	}
	h, m, s := two(b, i+9), two(b, i+11), two(b, i+13)
	if h > 23 || m > 59 || s > 60 || isDigit(b, i+15) {
		return 0, false
	}
	frac, end := fraction(b, i+15)
	return p.zoned(b, end, day*secondsPerDay+int64(h*3600+m*60+s), frac), true
}

// dayFirst reads 02/Jan/2006:15:04:05 -0700 (access logs), 02-Jan-2006 15:04:05.000 and 2 Jan 2006 15:04:05; i is where the month
// begins.
func (p *Parser) dayFirst(b []byte, start, d, i int) (ns int64, ok bool) {
	m := month(b, i)
	if m == 0 || i+8 >= len(b) || b[i+3] != b[i-1] || d > 31 {
		return 0, false
	}
	if start > 0 && isWord(b[start-1]) && b[start-1] != 'm' { // m ends a colour.
		return 0, false
	}
	day, ok := days(four(b, i+4), m, d)
	if !ok || (b[i+8] != ' ' && b[i+8] != ':') {
		return 0, false
	}
	return p.finish(b, i+9, day)
}

// syslog reads Jan _2 15:04:05 and Jan _2 2006 15:04:05; the year that RFC 3164 leaves out is inferred.
func (p *Parser) syslog(b []byte, i int) (ns int64, ok bool) {
	m := month(b, i)
	d, j := dayOfMonth(b, i+4)
	if d == 0 {
		return 0, false
	}
	if y := four(b, j); y > 0 {
		day, ok := days(y, m, d)
		if !ok || j+5 > len(b) || b[j+4] != ' ' {
			return 0, false
		}
		return p.finish(b, j+5, day)
	}
	sec, frac, end, ok := clock(b, j)
	if !ok {
		return 0, false
	}
	day, ok := p.inferYear(m, d, sec)
	if !ok {
		return 0, false
	}
	return p.zoned(b, end, day*secondsPerDay+sec, frac), true
}

// dayOfMonth reads "_2 ", "02 " or "2 " and returns where what follows begins; 0 if it is none.
func dayOfMonth(b []byte, i int) (d, end int) {
	if i+3 > len(b) {
		return 0, 0
	}
	if b[i] == ' ' {
		i++
	}
	d, end = two(b, i), i+2
	if d > 31 {
		if !isDigit(b, i) {
			return 0, 0
		}
		d, end = int(b[i]-'0'), i+1
	}
	if end >= len(b) || b[end] != ' ' {
		return 0, 0
	}
	return d, end + 1
}

// weekday reads Mon Jan _2 15:04:05.000000 2006, with a zone before the year or without, and Mon, 02 Jan 2006 15:04:05 GMT.
func (p *Parser) weekday(b []byte, i int) (ns int64, ok bool) {
	if b[i+3] == ',' {
		if i+7 > len(b) || b[i+4] != ' ' {
			return 0, false
		}
		return p.dayFirst(b, i+5, two(b, i+5), i+8)
	}
	i += 4
	m := month(b, i)
	if m == 0 || i+4 > len(b) || b[i+3] != ' ' {
		return 0, false
	}
	d, j := dayOfMonth(b, i+4)
	sec, frac, end, ok := clock(b, j)
	if d == 0 || !ok || end >= len(b) || b[end] != ' ' {
		return 0, false
	}
	j = end + 1
	if !isDigit(b, j) { // A zone stands between the clock and the year.
		for j < len(b) && b[j] != ' ' {
			j++
		}
		j++
	}
	day, ok := days(four(b, j), m, d)
	if !ok || isDigit(b, j+4) {
		return 0, false
	}
	return p.zoned(b, end, day*secondsPerDay+sec, frac), true
}

// klog reads I0102 15:04:05.000000; the year is inferred.
func (p *Parser) klog(b []byte, i int) (ns int64, ok bool) {
	switch b[i] {
	case 'I', 'W', 'E', 'F', 'D':
	default:
		return 0, false
	}
	m, d := two(b, i+1), two(b, i+3)
	if m > 12 || d > 31 || b[i+5] != ' ' {
		return 0, false
	}
	sec, frac, _, ok := clock(b, i+6)
	if !ok {
		return 0, false
	}
	day, ok := p.inferYear(m, d, sec)
	if !ok {
		return 0, false
	}
	return p.unix(day*secondsPerDay+sec)*nanosPerSec + frac, true
}

// priority skips "<34>" or "<34>1 " at b[i], which syslog puts before the time.
func priority(b []byte, i int) (end int, ok bool) {
	j := i + 1
	for isDigit(b, j) && j < i+4 {
		j++
	}
	if j == i+1 || j >= len(b) || b[j] != '>' {
		return 0, false
	}
	j++
	if j+1 < len(b) && b[j] == '1' && b[j+1] == ' ' {
		j += 2
	}
	return j, true
}

// finish reads the clock and the zone that follow a date.
func (p *Parser) finish(b []byte, i int, day int64) (ns int64, ok bool) {
	sec, frac, end, ok := clock(b, i)
	if !ok {
		return 0, false
	}
	return p.zoned(b, end, day*secondsPerDay+sec, frac), true
}

// zoned reads the zone that may follow a clock and returns the whole time.
func (p *Parser) zoned(b []byte, i int, local, frac int64) int64 {
	if off, ok := offset(b, i); ok {
		return (local-off)*nanosPerSec + frac
	}
	return p.unix(local)*nanosPerSec + frac
}
