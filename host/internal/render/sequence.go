package render

const (
	esc = 0x1b
	// maxSequence is how many bytes an escape sequence may have before the rest of them counts as text again.
	maxSequence = 4096
	// maxParams is the longest parameters of an SGR sequence that are obeyed.
	maxParams = 96
)

// sequence is the escape sequence that the input is in the middle of.
type sequence struct {
	state   sequenceState
	length  uint16 // bytes since its introducer
	nParams uint8
	odd     bool // a control sequence that cannot be SGR
	params  [maxParams]byte
}

type sequenceState uint8

const (
	ground        sequenceState = iota // in none
	escape                             // after ESC
	control                            // after ESC [
	command                            // in the payload of OSC, which BEL ends too
	payload                            // in the payload of DCS, SOS, PM or APC
	commandEscape                      // after an ESC within either payload
	payloadEscape
)

func (q *sequence) begin(s sequenceState) {
	q.state, q.length, q.nParams, q.odd = s, 0, 0, false
}

// beginC1 begins what a C1 control introduces, if anything.
func (q *sequence) beginC1(c rune) {
	switch c {
	case 0x9b:
		q.begin(control)
	case 0x9d:
		q.begin(command)
	case 0x90, 0x98, 0x9e, 0x9f:
		q.begin(payload)
	}
}

// sgr returns the length of the SGR sequence that src begins with, if it does and is whole. It is the short way for what is nearly always
// so; all the other cases are left to [Renderer.sequence].
func sgr(src []byte) int {
	if len(src) < 3 || src[0] != esc || src[1] != '[' {
		return 0
	}
	for i, c := range src[2:min(len(src), 2+maxParams)] {
		switch {
		case '0' <= c && c <= ';':
		case c == 'm':
			return i + 3
		default:
			return 0
		}
	}
	return 0
}

// sequence goes on in an escape sequence with src, which is not empty, and returns how many bytes belong to it. A byte that cannot
// belong to it ends it and is left.
func (r *Renderer) sequence(src []byte, unfinished bool) int {
	q := &r.seq
	for i, c := range src {
		q.length++
		if c == '\n' || q.length > maxSequence {
			q.state = ground
			return i
		}
		if c == 0x18 || c == 0x1a { // CAN and SUB cancel
			q.state = ground
			return i + 1
		}
		switch q.state {
		case escape:
			q.afterEscape(c)
		case control:
			if r.inControl(c) {
				break
			}
			return i
		case command, payload:
			switch {
			case c == esc && q.state == command:
				q.state = commandEscape
			case c == esc:
				q.state = payloadEscape
			case c == 0x07 && q.state == command:
				q.state = ground
			case c == 0xc2 && i+1 == len(src) && unfinished: // perhaps half of U+009C
				r.partial[0], r.nPartial = c, 1
				return i + 1
			case c == 0xc2 && i+1 < len(src) && src[i+1] == 0x9c:
				q.state = ground
				return i + 2
			}
		case commandEscape, payloadEscape:
			if c == '\\' {
				q.state = ground
				break
			}
			q.begin(escape) // it was not a terminator: another sequence begins
			q.afterEscape(c)
		}
		if q.state == ground {
			if c >= 0x80 || (c < ' ' && c != 0x07) {
				return i
			}
			return i + 1
		}
	}
	return len(src)
}

// afterEscape goes on after an ESC.
func (q *sequence) afterEscape(c byte) {
	switch {
	case c == '[':
		q.begin(control)
	case c == ']':
		q.begin(command)
	case c == 'P' || c == 'X' || c == '^' || c == '_':
		q.begin(payload)
	case c == esc:
		q.begin(escape)
	case ' ' <= c && c <= '/': // an intermediate byte: the sequence is longer than two
	default:
		q.state = ground
	}
}

// inControl goes on in a control sequence; false means that c does not belong to it, which ends it.
func (r *Renderer) inControl(c byte) bool {
	q := &r.seq
	switch {
	case '0' <= c && c <= ';':
		if int(q.nParams) == len(q.params) {
			q.odd = true
			return true
		}
		q.params[q.nParams] = c
		q.nParams++
	case ' ' <= c && c <= '?': // private or intermediate
		q.odd = true
	case '@' <= c && c <= '~':
		q.state = ground
		if c == 'm' && !q.odd {
			r.style.apply(q.params[:q.nParams])
		}
	default:
		q.state = ground
		return false
	}
	return true
}
