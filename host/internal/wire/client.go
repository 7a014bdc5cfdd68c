package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// Decode reads one message of a client. The error is [ErrMalformed] for what is no JSON object of a known type, and a [*RequestError] for
// a request that cannot be answered.
func Decode(data []byte) (Message, error) {
	if len(data) > MaxFrame || !utf8.Valid(data) {
		return nil, ErrMalformed
	}
	var head struct {
		T  string `json:"t"`
		ID int64  `json:"id"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch head.T {
	case "pong", "ping", "read", "filter":
	default:
		return nil, fmt.Errorf("%w: unknown type", ErrMalformed)
	}
	if head.ID < 1 || head.ID > maxID {
		return nil, fmt.Errorf("%w: id must be a whole number from 1 to 2^53", ErrMalformed)
	}
	var m message
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, &RequestError{head.ID, "A key of the message is unknown or has the wrong type: " + strings.TrimPrefix(err.Error(), "json: ") + "."}
	}
	return m.check()
}

// check turns the keys into the message that they make up.
func (m *message) check() (Message, error) {
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
		if err := CheckFilter(f); err != nil {
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
	if *m.Lines < 1 || *m.Lines > MaxPageLines {
		return bad(fmt.Sprintf("lines must be from 1 to %d.", MaxPageLines))
	}
	return Read{m.ID, at, m.Backward != nil && *m.Backward, *m.Lines}, nil
}
