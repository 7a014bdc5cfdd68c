package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// Message is what a client says: [Pong], [Ping], [Read], [Filter], [Scan] or [Cancel].
type Message interface{ isMessage() }

// Pong answers the server's ping of the same id.
type Pong struct{ ID int64 }

// Ping asks for a pong of the same id.
type Ping struct{ ID int64 }

// Read asks for a page of the log.
type Read struct {
	ID int64
	// At is where; unless Time is set, which is when.
	At       tail.Position
	Time     time.Time
	Backward bool
	Lines    int
}

// Filter asks to go on with another filter.
type Filter struct {
	ID     int64
	Filter tail.Filter
}

// Scan asks for what history holds: for lines (search) if Request.Matches is set, for counts (count) if Request.Bucket is. Request.Log is not
// set.
type Scan struct {
	ID      int64
	Request tail.ScanRequest
}

// Cancel ends the scan of that id before it has come to its end.
type Cancel struct{ ID int64 }

func (Pong) isMessage()   {}
func (Ping) isMessage()   {}
func (Read) isMessage()   {}
func (Filter) isMessage() {}
func (Scan) isMessage()   {}
func (Cancel) isMessage() {}

// maxID is the largest id: what a number in JavaScript holds exactly.
const maxID = 1 << 53

// RequestError is a request that makes no sense; the connection can go on. It is a [tail.ErrBadRequest].
type RequestError struct {
	// ID is that of the request; 0 if it has none.
	ID int64
	// Message is one sentence for people that says what to do.
	Message string
	// Limit is the limit that it goes beyond: [LimitFilter], [LimitPage], or empty.
	Limit string
}

// What requests can go beyond, for [Refusal].
const (
	LimitFilter = "filter" // what a filter may cost
	LimitPage   = "page"   // how many lines a page may have
)

// Refusal says in one word why a request was refused, for metrics: the limit that it goes beyond, or [ErrorCode].
func Refusal(err error) string {
	if bad := (*RequestError)(nil); errors.As(err, &bad) && bad.Limit != "" {
		return bad.Limit
	}
	return ErrorCode(err)
}

func (e *RequestError) Error() string { return e.Message }

// Unwrap returns [tail.ErrBadRequest].
func (e *RequestError) Unwrap() error { return tail.ErrBadRequest }

// ErrMalformed is the error of [Decode] for what is no message at all; the connection should end.
var ErrMalformed = errors.New("not a message of " + Subprotocol)

// message is every key that a client may send.
type message struct {
	T        string
	ID       int64
	At       *string
	Time     *int64
	Backward *bool
	Lines    *int
	Include  *[]string
	Exclude  *[]string
	Since    *int64
	Until    *int64
	Matches  *int
	Bucket   *int64
	Bytes    *int64

	keys []string // that it has
}

// keysOf are the keys of each type of message, besides t and id.
var keysOf = map[string][]string{
	"pong": {}, "ping": {}, "cancel": {},
	"read":   {"at", "time_ms", "backward", "lines"},
	"filter": {"include", "exclude"},
	"search": {"at", "backward", "since_ms", "until_ms", "include", "exclude", "matches", "bytes"},
	"count":  {"at", "backward", "since_ms", "until_ms", "include", "exclude", "bucket_ms", "bytes"},
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
	case "time_ms":
		return &m.Time
	case "since_ms":
		return &m.Since
	case "until_ms":
		return &m.Until
	case "matches":
		return &m.Matches
	case "bucket_ms":
		return &m.Bucket
	case "bytes":
		return &m.Bytes
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
	if _, known := keysOf[m.T]; !known {
		return nil, fmt.Errorf("%w: unknown type", ErrMalformed)
	}
	if m.ID < 1 || m.ID > maxID {
		return nil, fmt.Errorf("%w: id must be a whole number from 1 to 2^53", ErrMalformed)
	}
	if wrong != "" {
		return nil, &RequestError{ID: m.ID, Message: wrong}
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
		m.keys = append(m.keys, key)
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
func (m *message) check(l Limits) (out Message, err error) {
	for _, key := range m.keys {
		if key != "t" && key != "id" && !slices.Contains(keysOf[m.T], key) {
			return nil, &RequestError{ID: m.ID, Message: m.T + " has no key " + key + "."}
		}
	}
	switch m.T {
	case "pong":
		return Pong{m.ID}, nil
	case "ping":
		return Ping{m.ID}, nil
	case "cancel":
		return Cancel{m.ID}, nil
	case "filter":
		out, err = m.filter(l)
	case "read":
		out, err = m.page(l)
	default:
		out, err = m.scan(l)
	}
	if bad := (*RequestError)(nil); errors.As(err, &bad) {
		return nil, &RequestError{m.ID, bad.Message, bad.Limit}
	}
	return out, err
}
