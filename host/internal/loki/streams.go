package loki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/livetail/livetail/host/internal/loki/logql"
	"github.com/livetail/livetail/plugin/tail"
)

// stream is a log with its labels.
type stream struct {
	tail.Entry
	labels []logql.Label // in order of their names
}

// clockSlack is how far the times in a log may be ahead of the time of the file itself: a log in another zone whose lines name none.
const clockSlack = 24 * time.Hour

// streams lists the logs that a selector means and that may have lines since start, and notes in m what the list lacks. There are at most limit, or it
// is an error.
func (s *Server) streams(ctx context.Context, sel logql.Selector, start int64, limit int, m *missing) ([]stream, error) {
	req := tail.ListRequest{}
	req.Prefix, _ = sel.Exact("filename")
	viewer := viewerOf(ctx)
	var entries []tail.Entry
	for e, err := range s.opts.Tailer.List(ctx, req) {
		if err != nil {
			if err = m.in(ctx, err); err == nil {
				break
			}
			if req.Prefix != "" && (errors.Is(err, tail.ErrNotAllowed) || errors.Is(err, tail.ErrNotFound)) {
				return nil, nil
			}
			return nil, fmt.Errorf("list the logs: %w", err)
		}
		if viewer.MayFollow(e.Log) {
			entries = append(entries, e)
		}
	}
	var out []stream
	for _, e := range withoutRotated(entries) {
		if !e.Modified.IsZero() && nano(e.Modified.Add(clockSlack)) < start {
			continue
		}
		st := stream{Entry: e, labels: s.labelsOf(e.Log)}
		if !sel.Matches(st.get) {
			continue
		}
		if out = append(out, st); len(out) > limit {
			return nil, badRequest(fmt.Sprintf("the query selects more than %d logs; consider adding more specific stream selectors", limit))
		}
	}
	return out, nil
}

func (s *Server) labelsOf(log string) []logql.Label {
	job := s.opts.Job(log)
	out := []logql.Label{{Name: "filename", Value: log}, {Name: "host", Value: s.opts.Host}, {Name: "job", Value: job}, {Name: "service_name", Value: job}}
	return slices.DeleteFunc(out, func(l logql.Label) bool { return l.Value == "" })
}

func (s *stream) get(name string) string {
	for _, l := range s.labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

const detectedLevel = "detected_level"

// levelWords are the words by which a line tells how bad it is, in lower case.
var levelWords = map[string]string{
	"trace": "trace", "trc": "trace", "debug": "debug", "dbg": "debug", "info": "info", "inf": "info", "information": "info", "notice": "info",
	"success": "info", "warn": "warn", "warning": "warn", "wrn": "warn", "error": "error", "err": "error", "eror": "error",
	"critical": "critical", "crit": "critical", "fatal": "fatal", "panic": "fatal", "emerg": "fatal", "alert": "critical",
}

// maxLevelLook is how much of a line is searched for its level, in bytes.
const maxLevelLook = 256

// levelOf finds the level of a line: a word in capitals, one in brackets, or the value of a field that is called level or the like.
func levelOf(line []byte) string {
	b := line[:min(len(line), maxLevelLook)]
	if len(b) > 5 && strings.IndexByte("IWEF", b[0]) >= 0 && isDigits(b[1:5]) { // klog
		return map[byte]string{'I': "info", 'W': "warn", 'E': "error", 'F': "fatal"}[b[0]]
	}
	var word [16]byte
	for i := 0; i < len(b); {
		if !isLetter(b[i]) {
			if b[i] == 0x1b { // The letter that ends a colour belongs to no word.
				for i++; i < len(b) && !isLetter(b[i]); i++ {
				}
			}
			i++
			continue
		}
		start, capitals := i, true
		for i < len(b) && isLetter(b[i]) {
			capitals = capitals && b[i] <= 'Z'
			if n := i - start; n < len(word) {
				word[n] = b[i] | 0x20
			}
			i++
		}
		n := i - start
		if n < 3 || n > len(word) {
			continue
		}
		level, ok := levelWords[string(word[:n])]
		if ok && (capitals || isMarked(b, start, i)) {
			return level
		}
	}
	return "unknown"
}

// isMarked reports whether the word b[start:end] stands in brackets, or is the value of a field for the level.
func isMarked(b []byte, start, end int) bool {
	before := b[:start]
	if len(before) > 0 && (before[len(before)-1] == '[' || before[len(before)-1] == '<') {
		return end < len(b) && (b[end] == ']' || b[end] == '>')
	}
	before = bytes.TrimRight(before, `" :=`)
	if len(before) == start {
		return false
	}
	for _, name := range []string{"level", "lvl", "severity", "loglevel", "@l"} {
		if n := len(before) - len(name); n >= 0 && strings.EqualFold(string(before[n:]), name) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}
