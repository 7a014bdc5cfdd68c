package wire

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain reports whether none of the eight bytes of w has to be looked at before it goes into a JSON string: printable ASCII other than
// '"' and '\'.
func plain(w uint64) bool {
	quote := w ^ 0x22*lows
	backslash := w ^ 0x5c*lows
	return (w|(w-0x20*lows)|(quote-lows)|(backslash-lows))&highs == 0
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
// It stores bytes by index into a buffer with room to spare, because log lines in JSON have a quote every few bytes and one append
// for each of them would be most of the work.
func appendString(dst, src []byte) (out []byte, replaced bool) {
	const digits = "0123456789abcdef"
	const room = 64 // the most that eight bytes can become, and more
	dst = slices.Grow(append(dst, '"'), len(src)+room)
	n := len(dst)
	dst = dst[:cap(dst)]
	for i := 0; i < len(src); {
		if len(dst)-n < room {
			dst = slices.Grow(dst[:n], (len(src)-i)+n/4+room)
			dst = dst[:cap(dst)]
		}
		if len(src)-i >= 8 {
			if w := binary.LittleEndian.Uint64(src[i:]); plain(w) {
				binary.LittleEndian.PutUint64(dst[n:], w)
				n += 8
				i += 8
				continue
			}
		}
		for end := min(i+8, len(src)); i < end; {
			c := src[i]
			switch e := escapes[c]; e {
			case 0:
				dst[n] = c
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
				n += copy(dst[n:], []byte{'\\', 'u', '0', '0', digits[c>>4], digits[c&15]})
				i++
			default:
				dst[n], dst[n+1] = '\\', e
				n += 2
				i++
			}
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
