package render

import (
	"encoding/binary"
	"unicode/utf8"
)

// Classes of bytes, as far as showing them goes.
const (
	classText    = iota // shown as it is
	classMarkup         // has a meaning in HTML
	classControl        // a control character other than newline and tab
	classWide           // part of a rune of several bytes
)

// htmlClasses and textClasses give the class of each byte.
var htmlClasses, textClasses = classes(true), classes(false)

func classes(html bool) *[256]uint8 {
	var t [256]uint8
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = classWide
		case c == '\n' || c == '\t':
			t[c] = classText
		case c < ' ' || c == 0x7f:
			t[c] = classControl
		case html && (c == '<' || c == '>' || c == '&'):
			t[c] = classMarkup
		}
	}
	return &t
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain reports whether the eight bytes of w are all printable ASCII without a meaning in HTML. It may deny what is so, never affirm what
// is not: a subtraction per byte borrows only out of bytes that are hits themselves.
func plain(w uint64) bool {
	angle := (w | 0x02*lows) ^ 0x3e*lows // '<' and '>' become zero
	amp := w ^ 0x26*lows                 // '&' becomes zero
	del := w ^ 0x7f*lows
	return (w|(w-0x20*lows)|(angle-lows)|(amp-lows)|(del-lows))&highs == 0
}

// cjk reports whether src begins with a rune of three bytes, as most of those beyond Latin are; it may deny what is so.
func cjk(src []byte) bool {
	return len(src) >= 3 && 0xe1 <= src[0] && src[0] <= 0xec && src[1]&0xc0 == 0x80 && src[2]&0xc0 == 0x80
}

// run returns how many bytes at the start of src can be shown as they are. It stops before what needs a look: a control character, a C1
// control, markup, an invalid or unfinished rune.
func run(src []byte, classes *[256]uint8) int {
	i := 0
	for i < len(src) {
		for len(src)-i >= 8 && plain(binary.LittleEndian.Uint64(src[i:])) {
			i += 8
		}
		for end := min(i+8, len(src)); i < end; {
			switch classes[src[i]] {
			case classText:
				i++
			case classWide:
				if cjk(src[i:]) {
					i += 3
					continue
				}
				r, size := utf8.DecodeRune(src[i:])
				if (r == utf8.RuneError && size == 1) || r < 0xa0 {
					return i
				}
				i += size
			default:
				return i
			}
		}
	}
	return i
}
