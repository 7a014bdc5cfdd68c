package render

import (
	"encoding/binary"
	"math/bits"
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

// suspect has the highest bit of a byte set if one of the eight bytes of w is not printable ASCII without a meaning in HTML. The lowest byte
// with that bit is such a one; what is above it may be innocent, for a subtraction per byte borrows only out of bytes that are hits
// themselves.
func suspect(w uint64) uint64 {
	angle := (w | 0x02*lows) ^ 0x3e*lows // '<' and '>' become zero
	amp := w ^ 0x26*lows                 // '&' becomes zero
	del := w ^ 0x7f*lows
	return (w | (w - 0x20*lows) | (angle - lows) | (amp - lows) | (del - lows)) & highs
}

// cjkRun returns the length of the runes of three bytes that src begins with, as most of those beyond Latin are. It may leave some out.
func cjkRun(src []byte) int {
	i := 0
	for i+2 < len(src) && 0xe1 <= src[i] && src[i] <= 0xec && src[i+1]&0xc0 == 0x80 && src[i+2]&0xc0 == 0x80 {
		i += 3
	}
	return i
}

// run returns how many bytes at the start of src can be shown as they are. It stops before what needs a look: a control character, a C1
// control, markup, an invalid or unfinished rune.
func run(src []byte, classes *[256]uint8) int {
	i := 0
	for i < len(src) {
		if len(src)-i >= 8 {
			hits := suspect(binary.LittleEndian.Uint64(src[i:]))
			if hits == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hits) / 8
		}
		switch classes[src[i]] {
		case classText:
			i++
		case classWide:
			if n := cjkRun(src[i:]); n > 0 {
				i += n
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
	return i
}
