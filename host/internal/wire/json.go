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
// It goes by words of eight bytes, and after one that is plain by stretches of 32: each is stored as it is, and counts up to its first byte that
// needs a look. There is nearly always such a byte in a line, and in lines of JSON every few bytes; so looking at one costs no more than a
// word does.
func appendString(dst, src []byte) (out []byte, replaced bool) {
	const (
		stretch = 32
		room    = 2 * stretch // the most that one turn of the loop stores, and more
	)
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
			plain := bits.TrailingZeros64(suspect(w)&highs) / 8
			n += plain
			i += plain
			if plain == 8 {
				for len(src)-i >= stretch && len(dst)-n >= room {
					plain = copyPlain((*[stretch]byte)(dst[n:]), (*[stretch]byte)(src[i:]))
					n += plain
					i += plain
					if plain < stretch {
						break
					}
				}
				continue
			}
		}
		switch e := escapes[src[i]]; e {
		case 0:
			dst[n] = src[i]
			n++
			i++
		case 'w':
			if m := copyWide(dst[n:], src[i:]); m > 0 {
				n += m
				i += m
				continue
			}
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

// copyPlain copies src, and returns how many of its first bytes stand for themselves in a JSON string.
func copyPlain(dst, src *[32]byte) int {
	a, b := binary.LittleEndian.Uint64(src[0:]), binary.LittleEndian.Uint64(src[8:])
	c, d := binary.LittleEndian.Uint64(src[16:]), binary.LittleEndian.Uint64(src[24:])
	binary.LittleEndian.PutUint64(dst[0:], a)
	binary.LittleEndian.PutUint64(dst[8:], b)
	binary.LittleEndian.PutUint64(dst[16:], c)
	binary.LittleEndian.PutUint64(dst[24:], d)
	a, b, c, d = suspect(a)&highs, suspect(b)&highs, suspect(c)&highs, suspect(d)&highs
	switch {
	case a|b|c|d == 0:
		return 32
	case a != 0:
		return bits.TrailingZeros64(a) / 8
	case b != 0:
		return 8 + bits.TrailingZeros64(b)/8
	case c != 0:
		return 16 + bits.TrailingZeros64(c)/8
	default:
		return 24 + bits.TrailingZeros64(d)/8
	}
}

// copyWide copies the runes of three bytes that src begins with, as most of those beyond Latin are, as far as there is room, and returns
// how many bytes that was. It may leave some out.
func copyWide(dst, src []byte) int {
	i := 0
	for i+3 < min(len(src), len(dst)) && 0xe1 <= src[i] && src[i] <= 0xec && src[i+1]&0xc0 == 0x80 && src[i+2]&0xc0 == 0x80 {
		dst[i], dst[i+1], dst[i+2] = src[i], src[i+1], src[i+2]
		i += 3
	}
	return i
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
