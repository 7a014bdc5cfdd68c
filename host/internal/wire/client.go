package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// Message is what a client says: [Pong], [Ping], [Read] or [Filter].
type Message interface{ isMessage() }

// Pong answers the server's ping of the same id.
type Pong struct{ ID int64 }

// Ping asks for a pong of the same id.
type Ping struct{ ID int64 }

// Read asks for a page of the log.
type Read struct {
	ID       int64
	At       tail.Position
	Backward bool
	Lines    int
}

// Filter asks to go on with another filter.
type Filter struct {
	ID     int64
	Filter tail.Filter
}

func (Pong) isMessage()   {}
func (Ping) isMessage()   {}
func (Read) isMessage()   {}
func (Filter) isMessage() {}

// maxID is the largest id: what a number in JavaScript holds exactly.
const maxID = 1 << 53

// RequestError is a request that makes no sense; the connection can go on. It is a [tail.ErrBadRequest].
type RequestError struct {
	// ID is that of the request; 0 if it has none.
	ID int64
	// Message is one sentence for people that says what to do.
	Message string
}

func (e *RequestError) Error() string { return e.Message }

// Unwrap returns [tail.ErrBadRequest].
func (e *RequestError) Unwrap() error { return tail.ErrBadRequest }

// ErrMalformed is the error of [Decode] for what is no message at all; the connection should end.
var ErrMalformed = errors.New("not a message of " + Subprotocol)

// message is every key that a client may send.
type message struct {
	T        string    `json:"t"`
	ID       int64     `json:"id"`
	At       *string   `json:"at"`
	Backward *bool     `json:"backward"`
	Lines    *int      `json:"lines"`
	Include  *[]string `json:"include"`
	Exclude  *[]string `json:"exclude"`
}

// target is where the value of a key goes; nil for a key that there is not. Keys are these, letter by letter: package json would take
// "ID" for "id".
func (m *message) target(key string) any {
	switch key {
	case "t":
		return &m.T
	case "id":
		return &m.ID
	case "at":
		return &m.At
	case "backward":
		return &m.Backward
	case "lines":
		return &m.Lines
	case "include":
		return &m.Include
	case "exclude":
		return &m.Exclude
	default:
		return nil
	}
}

// Decode is [Limits.Decode] with the defaults.
func Decode(data []byte) (Message, error) { return Limits{}.Decode(data) }

// Decode reads one message of a client. The error is [ErrMalformed] for what is no JSON object of a known type, and a [*RequestError] for
// a request that cannot be answered.
func (l Limits) Decode(data []byte) (Message, error) {
	l = l.Filled()
	if len(data) > l.Frame || !utf8.Valid(data) {
		return nil, ErrMalformed
	}
	var m message
	wrong, err := m.read(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch m.T {
	case "pong", "ping", "read", "filter":
	default:
		return nil, fmt.Errorf("%w: unknown type", ErrMalformed)
	}
	if m.ID < 1 || m.ID > maxID {
		return nil, fmt.Errorf("%w: id must be a whole number from 1 to 2^53", ErrMalformed)
	}
	if wrong != "" {
		return nil, &RequestError{m.ID, wrong}
	}
	return m.check(l)
}

// read takes m out of data. wrong says what cannot be understood in a message that is one; the error, that it is none.
func (m *message) read(data []byte) (wrong string, err error) {
	if !json.Valid(data) {
		return "", errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return "", errors.New("not an object")
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		key, _ := token.(string) // The keys of a valid object are strings.
		to := m.target(key)
		switch {
		case to == nil:
			wrong = cmp.Or(wrong, "There is no key "+strconv.Quote(key)+".")
			to = new(json.RawMessage)
		case seen[key]:
			wrong = cmp.Or(wrong, "The key "+key+" is there twice.")
		}
		seen[key] = true
		if err := d.Decode(to); err != nil {
			if key == "t" || key == "id" {
				return "", err
			}
			wrong = cmp.Or(wrong, "The key "+key+" has the wrong type.")
		}
	}
	return wrong, nil
}

// check turns the keys into the message that they make up.
func (m *message) check(l Limits) (Message, error) {
	bad := func(text string) (Message, error) { return nil, &RequestError{m.ID, text} }
	isRead := m.At != nil || m.Backward != nil || m.Lines != nil
	isFilter := m.Include != nil || m.Exclude != nil
	switch {
	case m.T != "read" && isRead:
		return bad("Only read has the keys at, backward and lines.")
	case m.T != "filter" && isFilter:
		return bad("Only filter has the keys include and exclude.")
	case m.T == "pong":
		return Pong{m.ID}, nil
	case m.T == "ping":
		return Ping{m.ID}, nil
	case m.T == "filter":
		var f tail.Filter
		if m.Include != nil {
			f.Include = *m.Include
		}
		if m.Exclude != nil {
			f.Exclude = *m.Exclude
		}
		if err := l.CheckFilter(f); err != nil {
			return bad(err.Error())
		}
		return Filter{m.ID, f}, nil
	}
	if m.At == nil || m.Lines == nil {
		return bad("read needs the keys at and lines.")
	}
	at, err := tail.ParsePosition(*m.At)
	if err != nil {
		return bad("at must be a position that the server has sent.")
	}
	if *m.Lines < 1 || *m.Lines > l.PageLines {
		return bad(fmt.Sprintf("lines must be from 1 to %d.", l.PageLines))
	}
	return Read{m.ID, at, m.Backward != nil && *m.Backward, *m.Lines}, nil
}
