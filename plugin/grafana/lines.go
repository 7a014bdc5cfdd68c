package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/livetail/livetail/plugin/internal/level"
	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/tail"
)

// line is one line as Grafana shows it.
type line struct {
	at       time.Time
	id       string // its position, by which Grafana knows it again after a reconnection
	text     string
	severity string // in Grafana's words
}

// reader makes lines of the events of one log. Lines get the time that they carry or, if they carry none, that of the line before; the first of
// a log without any, that of their arrival.
type reader struct {
	labels json.RawMessage
	stamp  linetime.Stamper
}

func newReader(log string, zone *time.Location) *reader {
	labels, _ := json.Marshal(map[string]string{"filename": log}) // Strings can be marshalled.
	return &reader{labels: labels, stamp: linetime.Stamper{Parser: &linetime.Parser{Location: zone}, Base: time.Now().UnixNano()}}
}

// lines returns what is to be shown of an event.
func (r *reader) lines(e tail.Event) []line {
	switch e := e.(type) {
	case tail.Lines:
		return r.split(e)
	case tail.Late:
		return r.split(e.Lines)
	case tail.Gap:
		text := "WARN livetail: lines may be missing here (" + e.Cause.String() + ")"
		if e.Certain {
			text = "WARN livetail: lines are missing here (" + e.Cause.String() + ")"
		}
		return []line{{r.time([]byte(text)), fmt.Sprintf("gap.%s.%d.%s.%d", e.After.Generation, e.After.Offset, e.Before.Generation, e.Before.Offset), text, severityOf(tail.LevelWarn)}}
	}
	return nil
}

func (r *reader) time(text []byte) time.Time { return time.Unix(0, r.stamp.Stamp(text, 0)) }

func (r *reader) split(l tail.Lines) (out []line) {
	text, at := l.Text, int64(0)
	for n := 0; len(text) > 0; n++ {
		one, rest, found := bytes.Cut(text, []byte("\n"))
		offset := at
		if n < len(l.Offsets) {
			offset = int64(l.Offsets[n])
		}
		shown := bytes.TrimSuffix(one, []byte("\r"))
		// Without the evidence that the start of a batch carries: where batches begin is chance.
		id := tail.Position{Generation: l.Start.Generation, Offset: l.Start.Offset + offset}
		out = append(out, line{r.time(shown), id.String(), string(bytes.ToValidUTF8(shown, []byte("\uFFFD"))), severityOf(level.Of(shown))})
		at += int64(len(one))
		if found {
			at++
		}
		text = rest
	}
	return out
}

// severityOf is Grafana's word for a level. One that a line does not show is said to be unknown, rather than guessed again from the text.
func severityOf(l tail.Level) string {
	switch l {
	case tail.LevelTrace:
		return "trace"
	case tail.LevelDebug:
		return "debug"
	case tail.LevelInfo:
		return "info"
	case tail.LevelWarn:
		return "warning"
	case tail.LevelError:
		return "error"
	case tail.LevelFatal:
		return "critical"
	}
	return "unknown"
}

// frame is lines in the form that Grafana's data plane calls log lines.
func (r *reader) frame(refID string, lines []line) *data.Frame {
	n := len(lines)
	times, bodies, ids, labels, severities := make([]time.Time, n), make([]string, n), make([]string, n), make([]json.RawMessage, n), make([]string, n)
	for i, l := range lines {
		times[i], bodies[i], ids[i], labels[i], severities[i] = l.at, l.text, l.id, r.labels, l.severity
	}
	f := data.NewFrame("lines", data.NewField("timestamp", nil, times), data.NewField("body", nil, bodies), data.NewField("id", nil, ids),
		data.NewField("labels", nil, labels), data.NewField("severity", nil, severities))
	f.RefID = refID
	f.Meta = &data.FrameMeta{Type: data.FrameTypeLogLines, PreferredVisualization: data.VisTypeLogs}
	return f
}
