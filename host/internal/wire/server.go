package wire

import (
	"cmp"
	"strconv"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Subprotocol is the name by which a client asks for livetail.v1.
const Subprotocol = "livetail.v1"

// Version is the number of the protocol.
const Version = 1

// Limits on what a client may say, unless a server says otherwise.
const (
	// MaxFrame is the longest message of a client, in bytes.
	MaxFrame = 4096
	// MaxPageLines is the most lines that a client may read at once.
	MaxPageLines = tail.MaxPageLines
)

// Limits are what one server allows its clients. A field that is 0 means the default.
type Limits struct {
	// Frame is the longest message, in bytes; default [MaxFrame].
	Frame int
	// PageLines is the most lines of a page; default [MaxPageLines].
	PageLines int
	// FilterSteps is what the patterns of a filter may compile to together; default [MaxProgram].
	FilterSteps int
}

// Filled returns l with the defaults in place.
func (l Limits) Filled() Limits {
	return Limits{cmp.Or(l.Frame, MaxFrame), cmp.Or(l.PageLines, MaxPageLines), cmp.Or(l.FilterSteps, MaxProgram)}
}

// Hello is the first message of every connection.
type Hello struct {
	// Server is name and version of the server.
	Server string
	// Session is the server's name for the connection, for its logs.
	Session string
	// Log is the log as the server understood the URL.
	Log string
	// Interval is the time between two pings of the server, Timeout the time to answer one. An interval of 0 means no pings.
	Interval, Timeout time.Duration
	// Limits are what the client may say.
	Limits Limits
	// Capabilities are what the plugin behind the server can do; see [tail.Info].
	Capabilities []string
	// Zone is the time zone of lines whose time names none: a name of the tz database, UTC, or an offset, such as +05:30; empty if it is not known.
	Zone string
	// TraceURL is where a trace is shown that a line names, with {trace_id} in the place of its name; empty: nowhere.
	TraceURL string
}

// AppendHello appends a hello message.
func AppendHello(dst []byte, h Hello) []byte {
	limits := h.Limits.Filled()
	dst = strconv.AppendInt(append(dst, `{"t":"hello","v":`...), Version, 10)
	dst = appendText(append(dst, `,"server":`...), h.Server)
	dst = appendText(append(dst, `,"session":`...), h.Session)
	dst = appendText(append(dst, `,"log":`...), h.Log)
	dst = strconv.AppendInt(append(dst, `,"heartbeat":{"interval_ms":`...), h.Interval.Milliseconds(), 10)
	dst = strconv.AppendInt(append(dst, `,"timeout_ms":`...), h.Timeout.Milliseconds(), 10)
	dst = strconv.AppendInt(append(dst, `},"limits":{"frame":`...), int64(limits.Frame), 10)
	dst = strconv.AppendInt(append(dst, `,"page_lines":`...), int64(limits.PageLines), 10)
	dst = strconv.AppendInt(append(dst, `,"filter_bytes":`...), MaxPattern, 10)
	dst = append(dst, `},"capabilities":[`...)
	for i, c := range h.Capabilities {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, c)
	}
	dst = append(dst, ']')
	if h.Zone != "" {
		dst = appendText(append(dst, `,"zone":`...), h.Zone)
	}
	if h.TraceURL != "" {
		dst = appendText(append(dst, `,"trace_url":`...), h.TraceURL)
	}
	return append(dst, '}')
}

// AppendPing appends the server's ping. rtt is the round trip of the last one, negative if there was none; behind is how many bytes wait
// for the client, negative if that is unknown.
func AppendPing(dst []byte, id int64, rtt time.Duration, behind int64) []byte {
	dst = strconv.AppendInt(append(dst, `{"t":"ping","id":`...), id, 10)
	if rtt >= 0 {
		dst = append(dst, `,"rtt_ms":`...)
		dst = strconv.AppendFloat(dst, float64(rtt.Microseconds())/1000, 'f', -1, 64)
	}
	if behind >= 0 {
		dst = strconv.AppendInt(append(dst, `,"behind":`...), behind, 10)
	}
	return append(dst, '}')
}

// AppendPong appends the answer to a client's ping.
func AppendPong(dst []byte, id int64) []byte {
	return append(strconv.AppendInt(append(dst, `{"t":"pong","id":`...), id, 10), '}')
}

// AppendStatus appends how the plugin is: up, restarting or down.
func AppendStatus(dst []byte, state string) []byte {
	return append(appendText(append(dst, `{"t":"status","plugin":`...), state), '}')
}

// AppendPage appends the answer to a request for a page.
func AppendPage(dst []byte, id int64, f Format, p tail.Page) []byte {
	dst = strconv.AppendInt(append(dst, `{"t":"page","id":`...), id, 10)
	dst = append(dst, `,"events":[`...)
	r := NewRenderer(f)
	for i, first := 0, true; i < len(p.Events); i++ {
		mark := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst = r.appendEvent(dst, p.Events[i]); len(dst) == start {
			dst = dst[:mark]
			continue
		}
		first = false
	}
	dst = appendPosition(append(dst, `],"start":`...), p.Start)
	dst = appendPosition(append(dst, `,"end":`...), p.End)
	dst = strconv.AppendBool(append(dst, `,"at_beginning":`...), p.AtBeginning)
	dst = strconv.AppendBool(append(dst, `,"at_end":`...), p.AtEnd)
	return append(dst, '}')
}

// AppendFound appends what a search has found since the message before.
func AppendFound(dst []byte, id int64, r tail.ScanReport) []byte {
	dst = strconv.AppendInt(append(dst, `{"t":"found","id":`...), id, 10)
	dst = append(dst, `,"matches":[`...)
	for i, m := range r.Matches {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPosition(append(dst, `{"at":`...), m.At)
		dst = appendMoment(append(dst, `,"time_ms":`...), m.Time)
		dst = appendText(append(dst, `,"level":`...), m.Level.String())
		dst, _ = appendString(append(dst, `,"text":`...), m.Text)
		if m.Cut {
			dst = append(dst, `,"cut":true`...)
		}
		dst = append(dst, '}')
	}
	return appendProgress(append(dst, ']'), r)
}

// AppendCounted appends what has been counted since the message before.
func AppendCounted(dst []byte, id int64, r tail.ScanReport) []byte {
	dst = strconv.AppendInt(append(dst, `{"t":"counted","id":`...), id, 10)
	dst = append(dst, `,"buckets":[`...)
	for i, c := range r.Counts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, '['), c.Start/int64(time.Millisecond), 10)
		for _, n := range c.Lines {
			dst = strconv.AppendInt(append(dst, ','), n, 10)
		}
		dst = append(dst, ']')
	}
	return appendProgress(append(dst, ']'), r)
}

// appendProgress appends how far a scan has got, and the end of the message.
func appendProgress(dst []byte, r tail.ScanReport) []byte {
	dst = appendPosition(append(dst, `,"at":`...), r.At)
	dst = appendMoment(append(dst, `,"time_ms":`...), r.Time)
	dst = strconv.AppendInt(append(dst, `,"scanned":`...), r.Scanned, 10)
	dst = strconv.AppendInt(append(dst, `,"left":`...), r.Left, 10)
	dst = strconv.AppendInt(append(dst, `,"skipped":`...), int64(r.Skipped), 10)
	if r.End != tail.ScanGoesOn {
		dst = appendText(append(dst, `,"end":`...), r.End.String())
	}
	return append(dst, '}')
}

// appendMoment appends a time in milliseconds since 1970 UTC; null if there is none.
func appendMoment(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, t.UnixMilli(), 10)
}

// AppendFiltered appends the confirmation of a filter: lines that come after it have passed it.
func AppendFiltered(dst []byte, id int64) []byte {
	return append(strconv.AppendInt(append(dst, `{"t":"filtered","id":`...), id, 10), '}')
}

// AppendError appends an error; id is that of the request it answers, 0 for the connection as a whole.
func AppendError(dst []byte, id int64, code, message string) []byte {
	dst = append(dst, `{"t":"error"`...)
	if id != 0 {
		dst = strconv.AppendInt(append(dst, `,"id":`...), id, 10)
	}
	dst = appendText(append(dst, `,"code":`...), code)
	dst = appendText(append(dst, `,"message":`...), message)
	return append(dst, '}')
}

// AppendBye appends the last message before the close frame. at is where to go on, zero if that is unknown.
func AppendBye(dst []byte, c Close, at tail.Position) []byte {
	dst = appendText(append(dst, `{"t":"bye","reason":`...), c.Reason)
	dst = strconv.AppendBool(append(dst, `,"reconnect":`...), c.Reconnect)
	dst = strconv.AppendInt(append(dst, `,"after_ms":`...), c.After.Milliseconds(), 10)
	dst = appendPosition(append(dst, `,"at":`...), at)
	return append(dst, '}')
}
