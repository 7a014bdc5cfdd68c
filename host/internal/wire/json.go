package wire

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// suspect has the highest bit of a byte set if one of the eight bytes of w has to be looked at before it goes into a JSON string:
// anything but printable ASCII other than '"' and '\'. A subtraction per byte borrows only out of bytes that are hits themselves.
func suspect(w uint64) uint64 {
	return w | (w - 0x20*lows) | ((w ^ 0x22*lows) - lows) | ((w ^ 0x5c*lows) - lows)
}

// escapes gives for each byte what follows the backslash in a JSON string: 0 if it stands for itself, 'u' for the long form, 'w' if it is part
// of a rune of several bytes.
var escapes = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = 'w'
		case c < ' ':
			t[c] = 'u'
		}
	}
	t['\n'], t['\r'], t['\t'], t['"'], t['\\'] = 'n', 'r', 't', '"', '\\'
	return t
}()

// appendString appends src as a JSON string. Invalid UTF-8 becomes U+FFFD byte by byte; replaced says that this happened.
//
// It goes by words of eight bytes: each is stored as it is, and counts up to its first byte that needs a look. There is nearly always such
// a byte in a line, and in lines of JSON every few bytes; so looking at one costs no more than a word does.
func appendString(dst, src []byte) (out []byte, replaced bool) {
	const room = 32 // the most that one turn of the loop stores, and more
	dst = slices.Grow(append(dst, '"'), len(src)+room)
	n := len(dst)
	dst = dst[:cap(dst)]
	for i := 0; i < len(src); {
		if len(dst)-n < room {
			dst = slices.Grow(dst[:n], (len(src)-i)+n/4+room)
			dst = dst[:cap(dst)]
		}
		if len(src)-i >= 8 {
			w := binary.LittleEndian.Uint64(src[i:])
			binary.LittleEndian.PutUint64(dst[n:], w)
			hits := suspect(w) & highs
			if hits == 0 {
				n += 8
				i += 8
				continue
			}
			plain := bits.TrailingZeros64(hits) / 8
			n += plain
			i += plain
		}
		switch e := escapes[src[i]]; e {
		case 0:
			dst[n] = src[i]
			n++
			i++
		case 'w':
			r, size := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && size == 1 {
				replaced = true
				n += copy(dst[n:], "\uFFFD")
			} else {
				n += copy(dst[n:], src[i:i+size])
			}
			i += size
		case 'u':
			const digits = "0123456789abcdef"
			n += copy(dst[n:], `\u00`)
			dst[n], dst[n+1] = digits[src[i]>>4], digits[src[i]&15]
			n += 2
			i++
		default:
			dst[n], dst[n+1] = '\\', e
			n += 2
			i++
		}
	}
	return append(dst[:n], '"'), replaced
}

// appendText appends s, which may hold anything, as a JSON string.
func appendText(dst []byte, s string) []byte {
	dst, _ = appendString(dst, []byte(s))
	return dst
}

// appendPosition appends p as a JSON string; the alphabet of positions needs no escaping.
func appendPosition(dst []byte, p tail.Position) []byte {
	dst = append(dst, '"')
	if !p.IsZero() {
		dst = append(append(dst, p.Generation...), '.')
		dst = strconv.AppendInt(dst, p.Offset, 10)
		if p.Check != "" {
			dst = append(append(dst, '.'), p.Check...)
		}
	}
	return append(dst, '"')
}

// appendCount appends a count that may be unknown.
func appendCount(dst []byte, n *int64) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, *n, 10)
}
