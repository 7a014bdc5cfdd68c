package client

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// position is a position in a message: its text form, or an empty string for none.
type position struct{ tail.Position }

func (p *position) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	q, err := tail.ParsePosition(s)
	p.Position = q
	return err
}

// message is every key that a server may send.
type message struct {
	T  string `json:"t"`
	ID int64  `json:"id"`

	Server       string     `json:"server"`
	Session      string     `json:"session"`
	Log          string     `json:"log"`
	Heartbeat    *heartbeat `json:"heartbeat"`
	Capabilities []string   `json:"capabilities"`

	Start position   `json:"start"`
	End   position   `json:"end"`
	Text  string     `json:"text"`
	At    atPosition `json:"at"`
	Piece string     `json:"piece"`

	From  position `json:"from"`
	To    position `json:"to"`
	How   string   `json:"how"`
	Order string   `json:"order"`
	Name  string   `json:"name"`

	Cause       string   `json:"cause"`
	Certain     bool     `json:"certain"`
	Before      position `json:"before"`
	Generations *int64   `json:"generations"`
	Bytes       *int64   `json:"bytes"`
	MinBytes    *int64   `json:"min_bytes"`
	Lines       *int64   `json:"lines"`
	Evidence    []string `json:"evidence"`
	After       position `json:"after"`

	RTT    *float64 `json:"rtt_ms"`
	Behind *int64   `json:"behind"`
	Plugin string   `json:"plugin"`

	Events      []json.RawMessage `json:"events"`
	AtBeginning bool              `json:"at_beginning"`
	AtEnd       bool              `json:"at_end"`

	Code      string `json:"code"`
	Message   string `json:"message"`
	Reconnect bool   `json:"reconnect"`
	AfterMS   int64  `json:"after_ms"`

	// event is what the message says about the log; nil if nothing.
	event tail.Event
	page  tail.Page
}

type heartbeat struct {
	Interval int64 `json:"interval_ms"`
	Timeout  int64 `json:"timeout_ms"`
}

// atPosition is the key "at": a position, or with lines where each begins.
type atPosition struct {
	tail.Position
	starts []uint32
}

func (a *atPosition) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, &a.starts)
	}
	var p position
	err := p.UnmarshalJSON(b)
	a.Position = p.Position
	return err
}

// decode reads one message.
func decode(data []byte) (message, error) {
	if l, ok := fastLines(data); ok {
		return message{T: "lines", event: l}, nil
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return message{}, err
	}
	if m.T == "" {
		return message{}, errors.New("message without a type")
	}
	m.event = m.toEvent()
	if m.T == "page" {
		m.page = tail.Page{Start: m.Start.Position, End: m.End.Position, AtBeginning: m.AtBeginning, AtEnd: m.AtEnd}
		for _, raw := range m.Events {
			e, err := decode(raw)
			if err != nil {
				return message{}, err
			}
			if e.event != nil {
				m.page.Events = append(m.page.Events, e.event)
			}
		}
	}
	return m, nil
}

// named finds the value whose name is s; 0 if there is none.
func named[T interface {
	~int
	String() string
}](s string, last T) T {
	for v := T(1); v <= last; v++ {
		if v.String() == s {
			return v
		}
	}
	return 0
}

// toEvent returns what the message says about the log; nil if nothing.
func (m *message) toEvent() tail.Event {
	switch m.T {
	case "lines":
		return m.lines()
	case "late":
		return tail.Late{Lines: m.lines()}
	case "boundary":
		return tail.Boundary{
			From: m.From.Position, To: m.To.Position, How: named(m.How, tail.HowSwitched), Order: named(m.Order, tail.OrderInferred), Name: m.Name,
		}
	case "truncated":
		return tail.Truncated{From: m.From.Position, To: m.To.Position}
	case "caught_up":
		return tail.CaughtUp{At: m.At.Position}
	case "gap":
		return tail.Gap{
			Cause: named(m.Cause, tail.CauseOverrun), Certain: m.Certain, After: m.After.Position, Before: m.Before.Position,
			Generations: m.Generations, Bytes: m.Bytes, MinBytes: m.MinBytes, Lines: m.Lines, Evidence: m.Evidence,
		}
	default:
		return nil
	}
}

func (m *message) lines() tail.Lines {
	return tail.Lines{Start: m.Start.Position, End: m.End.Position, Text: []byte(m.Text), Offsets: m.At.starts, Piece: piece(m.Piece)}
}

func piece(s string) tail.Piece {
	switch s {
	case "first":
		return tail.PieceFirst
	case "middle":
		return tail.PieceMiddle
	case "last":
		return tail.PieceLast
	default:
		return tail.PieceNone
	}
}

var (
	linesHead = []byte(`{"t":"lines","start":"`)
	linesEnd  = []byte(`,"end":"`)
	linesText = []byte(`,"text":"`)
)

// fastLines reads the message that nearly all are, when it looks as our own server writes it: package json takes four times as long.
// The text is decoded in place.
func fastLines(data []byte) (l tail.Lines, ok bool) {
	rest, ok := bytes.CutPrefix(data, linesHead)
	if !ok {
		return l, false
	}
	var start, end []byte
	if start, rest, ok = bytes.Cut(rest, quote); !ok {
		return l, false
	}
	if rest, ok = bytes.CutPrefix(rest, linesEnd); !ok {
		return l, false
	}
	if end, rest, ok = bytes.Cut(rest, quote); !ok {
		return l, false
	}
	if rest, ok = bytes.CutPrefix(rest, linesText); !ok || len(rest) < 2 || string(rest[len(rest)-2:]) != `"}` {
		return l, false
	}
	body := rest[:len(rest)-2]
	if !onlySimple(body) {
		return l, false // Not text alone, or an escape that package json knows.
	}
	var err error
	if l.Start, err = tail.ParsePosition(string(start)); err != nil {
		return l, false
	}
	if l.End, err = tail.ParsePosition(string(end)); err != nil {
		return l, false
	}
	l.Text = unescape(body)
	return l, true
}

var quote = []byte{'"'}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// specials has a bit set in the first byte of w that is a quote or a backslash, and perhaps in later ones; 0 if none is.
func specials(w uint64) uint64 {
	q, b := w^'"'*lows, w^'\\'*lows
	return ((q-lows)&^q | (b-lows)&^b) & highs
}

// special returns where the next quote or backslash is, at or after at; the length of body if there is none. They are a few bytes
// apart in logs that are JSON, where a call of bytes.IndexByte for each would be most of the work.
func special(body []byte, at int) int {
	for ; at+8 <= len(body); at += 8 {
		w := binary.LittleEndian.Uint64(body[at:])
		q, b := w^'"'*lows, w^'\\'*lows
		if found := ((q-lows)&^q | (b-lows)&^b) & highs; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for at < len(body) && body[at] != '"' && body[at] != '\\' {
		at++
	}
	return at
}

// onlySimple reports whether body is the inside of one JSON string whose escapes are of one letter, or of a rune that takes no two of
// them.
func onlySimple(body []byte) bool {
	for at := special(body, 0); at < len(body); at = special(body, at) {
		if body[at] == '"' || at+1 >= len(body) {
			return false
		}
		switch body[at+1] {
		case 'n', 'r', 't', '"', '\\', '/', 'b', 'f':
			at += 2
		case 'u':
			if r := hex4(body[at+2:]); r < 0 || utf16.IsSurrogate(r) {
				return false
			}
			at += 6
		default:
			return false
		}
	}
	return true
}

// hex4 returns the number that the first four bytes are; -1 if they are none.
func hex4(b []byte) (r rune) {
	if len(b) < 4 {
		return -1
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape resolves the escapes that onlySimple allows, in place: nothing becomes longer.
func unescape(body []byte) []byte {
	n := special(body, 0)
	for at := n; at < len(body); {
		c := body[at+1]
		at += 2
		switch c {
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		}
		if c == 'u' {
			n += utf8.EncodeRune(body[n:at+4], hex4(body[at:]))
			at += 4
		} else {
			body[n] = c
			n++
		}
		// What stands up to the next escape moves up, eight bytes at a time where there are as many. A store of eight bytes never
		// reaches what has not been read, because what is written is behind what is read.
		for at+8 <= len(body) {
			w := binary.LittleEndian.Uint64(body[at:])
			if specials(w) != 0 {
				break
			}
			binary.LittleEndian.PutUint64(body[n:], w)
			at += 8
			n += 8
		}
		for at < len(body) && body[at] != '\\' {
			body[n] = body[at]
			at++
			n++
		}
	}
	return body[:n]
}

// remoteError is what an error message means.
func remoteError(m *message) error {
	for _, err := range []error{
		tail.ErrNotAllowed, tail.ErrNotFound, tail.ErrNotRegular, tail.ErrUnreadable, tail.ErrPositionGone, tail.ErrBadRequest,
		tail.ErrUnsupported, tail.ErrTooMany,
	} {
		if wire.ErrorCode(err) == m.Code {
			return fmt.Errorf("%w: %.300s", err, m.Message)
		}
	}
	return fmt.Errorf("server reports %.50s: %.300s", m.Code, m.Message)
}
