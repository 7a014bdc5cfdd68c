package lines

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Level is how bad a record is.
type Level uint8

// The levels, in order of badness.
const (
	Trace Level = iota
	Debug
	Info
	Warning
	Error
	Critical
)

// names are loguru's, padded to the width that its default format gives them.
var names = [...]string{"TRACE   ", "DEBUG   ", "INFO    ", "WARNING ", "ERROR   ", "CRITICAL"}

// lower are the names that structured formats use.
var lower = [...]string{"trace", "debug", "info", "warning", "error", "critical"}

// Record is one thing that a program wants to log.
type Record struct {
	Time    time.Time
	Level   Level
	Message string
	// Trace is what follows the message on lines of its own, without line endings; nil for most records.
	Trace []string
}

// Source makes records. The same options make the same records, apart from their time. It is not safe for concurrent use.
type Source struct {
	message string
	trace   []string
	levels  bool
	every   int
	made    int
	random  *rand.Rand
}

// SourceOptions says what records a [Source] makes.
type SourceOptions struct {
	// Message is the text of each record.
	Message string
	// Levels mixes the levels as programs do, mostly INFO; otherwise all records are INFO.
	Levels bool
	// TraceEvery makes every n-th record an error with a stack trace on several lines; 0 makes none.
	TraceEvery int
	// Seed chooses the sequence of levels.
	Seed uint64
}

// NewSource returns a source of records.
func NewSource(o SourceOptions) *Source {
	random := rand.New(rand.NewPCG(o.Seed, 0x6c6f6773)) //nolint:gosec // The same seed is to give the same lines.
	return &Source{message: o.Message, trace: traceOf(o.Message), levels: o.Levels, every: o.TraceEvery, random: random}
}

// trace is what a Python program prints below an error, but for its last line, which has the message.
var trace = []string{
	"Traceback (most recent call last):",
	"",
	`  File "/srv/app/main.py", line 30, in <module>`,
	"    handle(request)",
	`  File "/srv/app/handler.py", line 112, in handle`,
	"    return orders[request.id]",
}

// traceOf returns the trace of an error. It has no characters but those of the message and ASCII, so that it can be written wherever the
// message can.
func traceOf(message string) []string {
	const most = 20
	if runes := []rune(message); len(runes) > most {
		message = string(runes[:most])
	}
	return append(slices.Clone(trace), "KeyError: '"+message+"'")
}

// Next returns the next record, of at most limit lines.
func (s *Source) Next(now time.Time, limit int) Record {
	s.made++
	r := Record{Time: now, Level: Info, Message: s.message}
	if s.levels {
		switch n := s.random.IntN(100); {
		case n < 5:
			r.Level = Trace
		case n < 25:
			r.Level = Debug
		case n < 88:
			r.Level = Info
		case n < 96:
			r.Level = Warning
		case n < 99:
			r.Level = Error
		default:
			r.Level = Critical
		}
	}
	if s.every > 0 && s.made%s.every == 0 {
		r.Level = Error
		r.Trace = s.trace[:min(len(s.trace), max(limit-1, 0))]
	}
	return r
}
