package httpd

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// Limits on what a URL may say.
const (
	// maxQuery is the longest query, in bytes as it stands in the URL.
	maxQuery = 8 << 10
	// maxLines is the most last lines that may be asked for.
	maxLines = 1_000_000
)

// kind is a way to get a log.
type kind int

const (
	kindText kind = iota
	kindPlain
	kindV1
)

func kindOf(upgrade, v1 bool) kind {
	switch {
	case v1:
		return kindV1
	case upgrade:
		return kindPlain
	default:
		return kindText
	}
}

// query is what a URL asks for.
type query struct {
	log      string      // as peers know it
	hub      hub.Request // with the log as its tailer knows it
	source   *source     // whose log it is; nil until that is known
	format   wire.Format
	download bool
}

// bad is a mistake in a URL, told in one sentence.
func bad(format string, a ...any) error {
	return &wire.RequestError{Message: fmt.Sprintf(format, a...)}
}

// parse reads path and query of a URL. The error is a [*wire.RequestError] or [tail.ErrNotAllowed]; the query is as good as it gets then.
func (s *Server) parse(urlPath, rawQuery string, k kind) (query, error) {
	q := query{hub: hub.Request{Start: startAtLast(s.o.Lines)}, format: defaultFormat(k)}
	var err error
	if q.log, err = logOf(urlPath); err != nil {
		return q, err
	}
	if len(rawQuery) > maxQuery {
		return q, bad("The query has %d bytes; %d are allowed.", len(rawQuery), maxQuery)
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return q, bad("The query cannot be read: a %% or ; in it must be written as %%25 or %%3B.")
	}
	return q, q.read(values, k, s.o.Messages)
}

// logOf returns the log that the path of a URL names. The error is a [*wire.RequestError] or [tail.ErrNotAllowed].
func logOf(p string) (string, error) {
	switch {
	case !strings.HasPrefix(p, "/"):
		return "", bad("The path must begin with a slash.")
	case len(p) > tail.MaxPath:
		return "", bad("The path has %d bytes; %d are allowed.", len(p), tail.MaxPath)
	case !utf8.ValidString(p):
		return "", bad("The path is not UTF-8.")
	case strings.ContainsFunc(p, unicode.IsControl):
		return "", bad("The path holds a control character.")
	case strings.Contains(p+"/", "/../"):
		// Wherever it would lead: nobody who means a log writes that.
		return "", tail.ErrNotAllowed
	}
	return path.Clean(p), nil
}

func startAtLast(lines int) tail.Start {
	if lines == 0 {
		return tail.StartAtEnd()
	}
	return tail.StartAtLastLines(int64(lines))
}

func defaultFormat(k kind) wire.Format {
	switch k {
	case kindV1:
		return wire.Format{Raw: true}
	case kindPlain:
		return wire.Format{As: render.HTML}
	default:
		return wire.Format{As: render.Text}
	}
}

// read takes the parameters out of values. Those that are not known are nobody's business.
func (q *query) read(values url.Values, k kind, l wire.Limits) error {
	for _, key := range []string{"tail", "wait", "download", "lines", "from", "since", "format"} {
		if n := len(values[key]); n > 1 {
			return bad("%s stands in the query %d times; once is enough.", key, n)
		}
	}
	var err error
	if q.hub.Follow, err = flag(values, "tail"); err != nil {
		return err
	}
	if q.hub.Wait, err = flag(values, "wait"); err != nil {
		return err
	}
	if q.download, err = flag(values, "download"); err != nil {
		return err
	}
	if err := q.readStart(values); err != nil {
		return err
	}
	if format := values.Get("format"); format != "" {
		as, ok := render.ParseFormat(format)
		switch {
		case format == "raw" && k == kindV1:
			q.format = wire.Format{Raw: true}
		case ok:
			q.format = wire.Format{As: as}
		case format == "raw":
			return bad("format=raw needs the protocol %s; use html, text or ansi.", wire.Subprotocol)
		default:
			return bad("format must be html, text or ansi.")
		}
	}
	q.hub.Filter = tail.Filter{Include: nonEmpty(values["include"]), Exclude: nonEmpty(values["exclude"])}
	return l.CheckFilter(q.hub.Filter)
}

// readStart takes out where to begin.
func (q *query) readStart(values url.Values) error {
	from, since, lines := values.Get("from"), values.Get("since"), values.Get("lines")
	if lines != "" {
		n, err := strconv.Atoi(lines)
		if err != nil || n < 0 || n > maxLines {
			return bad("lines must be a whole number from 0 to %d.", maxLines)
		}
		q.hub.Start = startAtLast(n)
	}
	switch {
	case from != "" && since != "":
		return bad("from and since exclude each other.")
	case from == "beginning" || from == "" && since == "" && lines == "" && q.download:
		q.hub.Start = tail.StartAtBeginning()
	case from == "end":
		q.hub.Start = tail.StartAtEnd()
	case from != "":
		p, err := tail.ParsePosition(from)
		if err != nil {
			return bad("from must be a position that the server has sent, beginning or end.")
		}
		q.hub.Start = tail.StartAtPosition(p)
		return q.readLeft(values["left"])
	case since != "":
		t, ok := parseTime(since, time.Now())
		if !ok {
			return bad("since must be a time like 2026-01-31T12:00:00Z, seconds since 1970, or a duration like 15m.")
		}
		q.hub.Start = tail.StartAtTime(t)
	}
	return nil
}

// readLeft takes out how far the peer has read the generations that it left before the position that it comes back with.
func (q *query) readLeft(left []string) error {
	if len(left) > tail.MaxLeft {
		return bad("left stands in the query %d times; %d are allowed.", len(left), tail.MaxLeft)
	}
	for _, text := range left {
		p, err := tail.ParsePosition(text)
		if err != nil {
			return bad("left must be a position that the server has sent.")
		}
		q.hub.Left = append(q.hub.Left, p)
	}
	return nil
}

// flag reads a parameter that is on or off.
func flag(values url.Values, key string) (bool, error) {
	switch values.Get(key) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, bad("%s must be 1 or 0.", key)
	}
}

// parseTime reads a time: RFC 3339, seconds since 1970, or how long ago.
func parseTime(text string, now time.Time) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(n, 0), n >= 0 && n < 1<<33
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), d >= 0
	}
	return time.Time{}, false
}

// nonEmpty leaves out empty patterns: an empty field of a form is no filter.
func nonEmpty(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}
