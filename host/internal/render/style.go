package render

import "strconv"

// style is what a terminal remembers of the SGR sequences it was sent. The zero value is how text looks without any.
type style struct {
	fg, bg colour
	weight weight
	flags  flags
}

type weight uint8

const (
	weightNormal weight = iota
	weightBold
	weightFaint
)

type flags uint8

const (
	italic flags = 1 << iota
	underline
	blink
	inverse
	hidden
	strike
)

// colour is a colour of the palette or a true colour; zero is the default one.
type colour struct {
	kind    colourKind
	r, g, b uint8 // with colourPalette, r is the index
}

type colourKind uint8

const (
	colourDefault colourKind = iota
	colourPalette
	colourTrue
)

// palette is the first 16 colours, those of the reference converter.
var palette = [16]string{
	"#000316", "#aa0000", "#00aa00", "#aa5500", "#0000aa", "#E850A8", "#00aaaa", "#F5F1DE",
	"#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
}

// The colours of inverse text that has none of its own.
const (
	inverseText   = "#000000"
	inverseGround = "#AAAAAA"
)

// apply changes s by the parameters of one SGR sequence, which are digits, semicolons and colons alone. What it does not know it
// skips.
func (s *style) apply(params []byte) {
	for {
		if code, rest, more, ok := cutCode(params); ok {
			s.applyCode(code)
			if !more {
				return
			}
			params = rest
			continue
		}
		group, rest, more := cutGroup(params)
		values, n := group.values()
		params = rest
		switch code := values[0]; {
		case code == 38 || code == 48 || code == 58:
			var c colour
			var ok bool
			if n > 1 { // 38:2:…: the colour stands in the group itself
				c, ok = colourOf(values[1:n], true)
			} else {
				c, params, more, ok = colourAhead(params, more)
			}
			switch {
			case ok && code == 38:
				s.fg = c
			case ok && code == 48:
				s.bg = c
			}
		case code == 4 && n > 1: // 4:0 is none, 4:3 a wave
			s.set(underline, values[1] != 0)
		default:
			s.applyCode(code)
		}
		if !more {
			return
		}
	}
}

// applyCode changes s by one plain SGR code.
func (s *style) applyCode(code int) {
	switch {
	case code == 0:
		*s = style{}
	case code == 1:
		s.weight = weightBold
	case code == 2:
		s.weight = weightFaint
	case code == 22:
		s.weight = weightNormal
	case code == 3:
		s.set(italic, true)
	case code == 4 || code == 21:
		s.set(underline, true)
	case code == 5 || code == 6:
		s.set(blink, true)
	case code == 7:
		s.set(inverse, true)
	case code == 8:
		s.set(hidden, true)
	case code == 9:
		s.set(strike, true)
	case code == 23:
		s.set(italic, false)
	case code == 24:
		s.set(underline, false)
	case code == 25:
		s.set(blink, false)
	case code == 27:
		s.set(inverse, false)
	case code == 28:
		s.set(hidden, false)
	case code == 29:
		s.set(strike, false)
	case 30 <= code && code <= 37:
		s.fg = colour{kind: colourPalette, r: uint8(code - 30)}
	case code == 39:
		s.fg = colour{}
	case 40 <= code && code <= 47:
		s.bg = colour{kind: colourPalette, r: uint8(code - 40)}
	case code == 49:
		s.bg = colour{}
	case 90 <= code && code <= 97:
		s.fg = colour{kind: colourPalette, r: uint8(code - 90 + 8)}
	case 100 <= code && code <= 107:
		s.bg = colour{kind: colourPalette, r: uint8(code - 100 + 8)}
	}
}

func (s *style) set(f flags, on bool) {
	if on {
		s.flags |= f
	} else {
		s.flags &^= f
	}
}

// group is one parameter of a sequence, with what colons join to it.
type group []byte

// cutCode takes the first group off params if it is a plain code, as nearly all are: not joined by colons, and nothing that takes what
// follows for itself.
func cutCode(params []byte) (code int, rest []byte, more, ok bool) {
	i := 0
	for ; i < len(params) && '0' <= params[i] && params[i] <= '9'; i++ {
		code = min(code*10+int(params[i]-'0'), 1000)
	}
	if code == 38 || code == 48 || code == 58 || (i < len(params) && params[i] != ';') {
		return 0, nil, false, false
	}
	if i == len(params) {
		return code, nil, false, true
	}
	return code, params[i+1:], true, true
}

// cutGroup takes the first group off params; more says that another one follows, though it may be empty.
func cutGroup(params []byte) (g group, rest []byte, more bool) {
	for i, c := range params {
		if c == ';' {
			return group(params[:i]), params[i+1:], true
		}
	}
	return group(params), nil, false
}

// values returns the numbers of a group, an empty one as 0, and how many there are; those beyond the array are dropped.
func (g group) values() (v [8]int, n int) {
	for _, c := range g {
		switch {
		case c == ':':
			n++
			if n == len(v) {
				return v, n
			}
		case v[n] < 1000: // larger numbers mean nothing, so they need not be exact
			v[n] = v[n]*10 + int(c-'0')
		}
	}
	return v, n + 1
}

// colourAhead reads the colour that follows a 38, 48 or 58 as parameters of their own: 5;N or 2;R;G;B.
func colourAhead(params []byte, more bool) (c colour, rest []byte, still, ok bool) {
	var v [4]int
	want, n := 1, 0
	for n < want && more {
		var g group
		g, params, more = cutGroup(params)
		values, _ := g.values()
		v[n] = values[0]
		n++
		if n == 1 {
			switch v[0] {
			case 5:
				want = 2
			case 2:
				want = 4
			}
		}
	}
	c, ok = colourOf(v[:n], false)
	return c, params, more, ok
}

// colourOf makes a colour of 5,N or 2,R,G,B; in the form with colons a colour space may stand after the 2.
func colourOf(v []int, colons bool) (c colour, ok bool) {
	switch {
	case len(v) >= 2 && v[0] == 5:
		return colour{kind: colourPalette, r: uint8(v[1])}, v[1] <= 255
	case len(v) >= 4 && v[0] == 2:
		rgb := v[1:4]
		if colons && len(v) >= 5 {
			rgb = v[2:5]
		}
		ok = rgb[0] <= 255 && rgb[1] <= 255 && rgb[2] <= 255
		return colour{kind: colourTrue, r: uint8(rgb[0]), g: uint8(rgb[1]), b: uint8(rgb[2])}, ok
	}
	return colour{}, false
}

// appendHex appends c as #rrggbb, or other if c is the default colour.
func (c colour) appendHex(dst []byte, other string) []byte {
	r, g, b := c.r, c.g, c.b
	switch {
	case c.kind == colourDefault:
		return append(dst, other...)
	case c.kind == colourPalette && c.r < 16:
		return append(dst, palette[c.r]...)
	case c.kind == colourPalette && c.r < 232: // a cube of 6 x 6 x 6
		n := c.r - 16
		r, g, b = cubeLevel(n/36), cubeLevel(n/6%6), cubeLevel(n%6)
	case c.kind == colourPalette: // greys
		r = (c.r-232)*10 + 8
		g, b = r, r
	}
	const digits = "0123456789abcdef"
	return append(dst, '#', digits[r>>4], digits[r&15], digits[g>>4], digits[g&15], digits[b>>4], digits[b&15])
}

func cubeLevel(n uint8) uint8 {
	if n == 0 {
		return 0
	}
	return n*40 + 55
}

// appendCSS appends s as the value of a style attribute.
func (s style) appendCSS(dst []byte) []byte {
	start := len(dst)
	property := func(name string) {
		if len(dst) > start {
			dst = append(dst, "; "...)
		}
		dst = append(dst, name...)
	}
	switch s.weight {
	case weightBold:
		property("font-weight: bold")
	case weightFaint:
		property("font-weight: lighter")
	}
	if s.flags&italic != 0 {
		property("font-style: italic")
	}
	if s.flags&(underline|strike|blink) != 0 {
		property("text-decoration:")
		if s.flags&underline != 0 {
			dst = append(dst, " underline"...)
		}
		if s.flags&strike != 0 {
			dst = append(dst, " line-through"...)
		}
		if s.flags&blink != 0 {
			dst = append(dst, " blink"...)
		}
	}
	if s.flags&hidden != 0 {
		property("visibility: hidden")
	}
	text, ground := s.fg, s.bg
	if s.flags&inverse != 0 {
		text, ground = s.bg, s.fg
	}
	if s.flags&inverse != 0 || ground.kind != colourDefault {
		property("background-color: ")
		dst = ground.appendHex(dst, inverseGround)
	}
	if s.flags&inverse != 0 || text.kind != colourDefault {
		property("color: ")
		dst = text.appendHex(dst, inverseText)
	}
	return dst
}

// appendSGR appends the escape sequence that makes s out of any other style.
func (s style) appendSGR(dst []byte) []byte {
	dst = append(dst, "\x1b[0"...)
	switch s.weight {
	case weightBold:
		dst = append(dst, ";1"...)
	case weightFaint:
		dst = append(dst, ";2"...)
	}
	for _, f := range [...]struct {
		flag flags
		code string
	}{{italic, ";3"}, {underline, ";4"}, {blink, ";5"}, {inverse, ";7"}, {hidden, ";8"}, {strike, ";9"}} {
		if s.flags&f.flag != 0 {
			dst = append(dst, f.code...)
		}
	}
	dst = s.fg.appendSGR(dst, 30, 90)
	dst = s.bg.appendSGR(dst, 40, 100)
	return append(dst, 'm')
}

// appendSGR appends c as a parameter: from is the code of the first palette colour, bright that of the ninth.
func (c colour) appendSGR(dst []byte, from, bright int64) []byte {
	number := func(sep string, n int64) {
		dst = append(dst, sep...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	switch {
	case c.kind == colourPalette && c.r < 8:
		number(";", from+int64(c.r))
	case c.kind == colourPalette && c.r < 16:
		number(";", bright+int64(c.r)-8)
	case c.kind == colourPalette:
		number(";", from+8)
		number(";5;", int64(c.r))
	case c.kind == colourTrue:
		number(";", from+8)
		number(";2;", int64(c.r))
		number(";", int64(c.g))
		number(";", int64(c.b))
	}
	return dst
}
