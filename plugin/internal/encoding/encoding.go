// Package encoding reads lines of logs that are not UTF-8. It finds line ends where they are, which in UTF-16 is not where a byte says
// 0x0A, and makes UTF-8 of whole lines while keeping where each began in the file.
//
// All positions are those of the file; only text that leaves the tailer is UTF-8. What is no valid text becomes U+FFFD, except in
// UTF-8 itself, where bytes stay as they stand.
package encoding

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Encoding is how the characters of a log stand in its file.
type Encoding int

// The encodings. The zero value is UTF-8, which also serves for anything that is ASCII in its line ends and is to be left alone.
const (
	UTF8 Encoding = iota
	UTF16LE
	UTF16BE
	GBK
	GB18030
)

// names are those that Parse knows, in the order of the encodings.
var names = []string{"utf-8", "utf-16le", "utf-16be", "gbk", "gb18030"}

// String returns the name of e.
func (e Encoding) String() string {
	if e < 0 || int(e) >= len(names) {
		return "unknown"
	}
	return names[e]
}

// Parse returns the encoding of that name, written with or without hyphens, in any case.
func Parse(name string) (Encoding, error) {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "") }
	for i, n := range names {
		if plain(n) == plain(name) {
			return Encoding(i), nil
		}
	}
	return UTF8, fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
}

// MaxMark is the most bytes that Detect looks at.
const MaxMark = 3

// Detect looks at the first bytes of a file for a byte order mark. It returns the encoding that the mark says and how long the mark is;
// if there is none, byDefault and 0. A mark is no part of the first line.
func Detect(head []byte, byDefault Encoding) (e Encoding, mark int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		if byDefault == UTF16LE || byDefault == UTF16BE {
			byDefault = UTF8
		}
		return byDefault, 3
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return UTF16LE, 2
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return UTF16BE, 2
	default:
		return byDefault, 0
	}
}

// Unit is how many bytes the smallest part of a character has. Lines and cuts begin at a multiple of it, counted from the end of the mark.
func (e Encoding) Unit() int {
	if e == UTF16LE || e == UTF16BE {
		return 2
	}
	return 1
}

// Growth is how many bytes of UTF-8 one byte of a file can become.
func (e Encoding) Growth() int {
	if e == UTF8 {
		return 1
	}
	return 3
}

// LineEnd returns the index after the first line end in b, or -1. b begins at a multiple of the unit.
func (e Encoding) LineEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
		if end, ok := e.endsAt(b, at); ok {
			return end
		}
	}
}

// LastLineEnd returns the index after the last line end in b, or -1. b begins at a multiple of the unit.
func (e Encoding) LastLineEnd(b []byte) int {
	for at := len(b); ; {
		i := bytes.LastIndexByte(b[:at], '\n')
		if i < 0 {
			return -1
		}
		if end, ok := e.endsAt(b, i+1); ok {
			return end
		}
		at = i
	}
}

// endsAt tells whether the byte before at, which is 0x0A, belongs to a line end, and where that is over.
func (e Encoding) endsAt(b []byte, at int) (end int, ok bool) {
	switch e {
	case UTF16LE:
		return at + 1, at%2 == 1 && at < len(b) && b[at] == 0
	case UTF16BE:
		return at, at%2 == 0 && b[at-2] == 0
	default:
		return at, true
	}
}

// Decode appends line to dst as UTF-8. It is a whole line, with or without its line end, or a part that ends at a [Encoding.Cut].
func (e Encoding) Decode(dst, line []byte) []byte {
	switch e {
	case UTF16LE:
		return decode16(dst, line, 0, 1)
	case UTF16BE:
		return decode16(dst, line, 1, 0)
	case GBK, GB18030:
		return decodeGB(dst, line, e)
	default:
		return append(dst, line...)
	}
}

func decode16(dst, b []byte, low, high int) []byte {
	unit := func(i int) rune { return rune(b[i+low]) | rune(b[i+high])<<8 }
	i := 0
	for ; i+1 < len(b); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if i+3 < len(b) {
				pair = utf16.DecodeRune(r, unit(i+2))
			}
			if r = pair; pair != utf8.RuneError {
				i += 2
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	if i < len(b) {
		dst = utf8.AppendRune(dst, utf8.RuneError) // Half a unit.
	}
	return dst
}

func decodeGB(dst, b []byte, e Encoding) []byte {
	// ASCII is most of a log, and is itself.
	n := 0
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	dst = append(dst, b[:n]...)
	if b = b[n:]; len(b) == 0 {
		return dst
	}
	decoder := simplifiedchinese.GBK.NewDecoder()
	if e == GB18030 {
		decoder = simplifiedchinese.GB18030.NewDecoder()
	}
	text, err := decoder.Bytes(b)
	if err != nil { // The decoders report none.
		return utf8.AppendRune(dst, utf8.RuneError)
	}
	return append(dst, text...)
}

// charLen is how many bytes the character at the start of b has by its form, 1 for what is none.
func charLen(b []byte, e Encoding) int {
	switch {
	case b[0] < 0x81 || b[0] == 0xFF || len(b) < 2:
		return 1
	case 0x40 <= b[1] && b[1] != 0x7F && b[1] != 0xFF:
		return 2
	case e == GB18030 && len(b) >= 4 && isDigit(b[1]) && 0x81 <= b[2] && b[2] <= 0xFE && isDigit(b[3]):
		return 4
	default:
		return 1
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Lines decodes the whole lines in src, which begins at a line. It appends their text to text, and where each begins in src to
// offsets, and returns how many bytes of src they are. If atEnd is set, what comes after the last line end is a line as well.
func (e Encoding) Lines(text []byte, offsets []uint32, src []byte, atEnd bool) (_ []byte, _ []uint32, n int) {
	for n < len(src) {
		end := e.LineEnd(src[n:])
		if end < 0 {
			if !atEnd {
				break
			}
			end = len(src) - n
		}
		offsets = append(offsets, uint32(n))
		text = e.Decode(text, src[n:n+end])
		n += end
	}
	return text, offsets, n
}

// Cut returns where a line that is too long can be cut: after as many characters as fit into most bytes. b begins at a character. It is
// at least one unit, and never more than b has.
func (e Encoding) Cut(b []byte, most int) int {
	most = max(min(most, len(b)), min(e.Unit(), len(b)))
	if most == len(b) {
		return most
	}
	switch e {
	case UTF16LE, UTF16BE:
		n := most &^ 1
		last := b[n-1]
		if e == UTF16BE {
			last = b[n-2]
		}
		if last>>2 == 0xD8>>2 && n > 2 { // Its other half comes after.
			n -= 2
		}
		return n
	case GBK, GB18030:
		n := 0
		for n < most {
			c := charLen(b[n:], e)
			if n+c > most && n > 0 {
				break
			}
			n += c
		}
		return min(n, len(b))
	default:
		for n := most; n > 0 && n > most-utf8.UTFMax; n-- {
			if utf8.RuneStart(b[n]) {
				if r, size := utf8.DecodeRune(b[n:]); (r != utf8.RuneError || size > 1) && n+size > most || n == most {
					return n
				}
				break // No character begins before most and ends after it.
			}
		}
		return most
	}
}
