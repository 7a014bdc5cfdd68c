package lines

import "bytes"

// StripANSI appends line to dst without its escape sequences (CSI … and the two-byte ones).
func StripANSI(dst, line []byte) []byte {
	for {
		at := bytes.IndexByte(line, 0x1b)
		if at < 0 {
			return append(dst, line...)
		}
		dst = append(dst, line[:at]...)
		line = line[at+1:]
		if len(line) == 0 {
			return dst
		}
		if line[0] != '[' {
			line = line[1:]
			continue
		}
		end := 1
		for end < len(line) && (line[end] < 0x40 || line[end] > 0x7e) {
			end++
		}
		line = line[min(end+1, len(line)):]
	}
}

// StripHTML appends line to dst without tags, and with the five named and all numeric character references of XML resolved.
func StripHTML(dst, line []byte) []byte {
	for len(line) > 0 {
		at := bytes.IndexAny(line, "<&")
		if at < 0 {
			return append(dst, line...)
		}
		dst = append(dst, line[:at]...)
		line = line[at:]
		if line[0] == '<' {
			end := bytes.IndexByte(line, '>')
			if end < 0 {
				return append(dst, line...)
			}
			line = line[end+1:]
			continue
		}
		var n int
		dst, n = reference(dst, line)
		line = line[n:]
	}
	return dst
}

var references = []struct{ name, text string }{
	{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", `"`}, {"&apos;", "'"}, {"&nbsp;", "\u00a0"},
}

// reference resolves the character reference at the start of line, or takes the ampersand as it is. It returns how much it used.
func reference(dst, line []byte) ([]byte, int) {
	for _, r := range references {
		if bytes.HasPrefix(line, []byte(r.name)) {
			return append(dst, r.text...), len(r.name)
		}
	}
	end := bytes.IndexByte(line[:min(len(line), 12)], ';')
	if end < 3 || line[1] != '#' {
		return append(dst, '&'), 1
	}
	digits, base := line[2:end], rune(10)
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	var n rune
	for _, c := range digits {
		var d rune
		switch {
		case '0' <= c && c <= '9':
			d = rune(c - '0')
		case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		default:
			return append(dst, '&'), 1
		}
		if n = n*base + d; n > 0x10ffff {
			return append(dst, '&'), 1
		}
	}
	return append(dst, string(n)...), end + 1
}
