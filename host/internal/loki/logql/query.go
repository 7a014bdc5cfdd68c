// Package logql reads and runs the part of Loki's query language that clients of a live tail use.
//
// It knows log queries — a selector, then line filters, json, logfmt, label filters, drop, keep and decolorize — and of metric queries
// count_over_time, rate, bytes_over_time and bytes_rate, with a sum around them, and constant arithmetic such as vector(1)+vector(1).
// What Loki refuses is refused with Loki's words; what only Loki can do is refused by name.
//
// A query costs what its limits allow: its length, the number of its stages, the size of its regular expressions and how much of a line
// they see are bounded. Nothing here starts goroutines; a parsed query may be used by several.
package logql

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of a query.
const (
	// MaxQuery is the longest query, in bytes. Dashboards name many files in one.
	MaxQuery = 32 << 10
	// MaxStages is the most stages of a pipeline and matchers of a selector.
	MaxStages = 32
	// MaxPattern is the longest regular expression, in bytes, and MaxProgram the most instructions it may compile to; a list of whole values of a
	// label (a|b|c) is none.
	MaxPattern = 256
	MaxProgram = 500
	// MaxMatched is how much of a line a regular expression sees, in bytes.
	MaxMatched = 4 << 10
	// MaxExtracted is the most labels that json or logfmt make of one line.
	MaxExtracted = 128
	// maxNesting is how deep parentheses may stand in each other.
	maxNesting = 16
)

// Query is a parsed query: a [*Log], a [*Metric] or a [*Constant].
type Query interface{ isQuery() }

// Log is a query for lines.
type Log struct {
	Selector Selector
	stages   []stage
	extracts bool // a stage changes labels
}

// Metric is a query for numbers made of lines.
type Metric struct {
	Func  Func
	Log   *Log
	Range time.Duration
	// Offset looks back by so much.
	Offset time.Duration
	// Sum adds up the series that agree on the labels By, or on all but them if Without.
	Sum     bool
	By      []string
	Without bool

	invalid error // why it has no meaning, if it has none
}

// Func is what a metric query makes of the lines in its range.
type Func string

// The functions over a range of lines.
const (
	CountOverTime Func = "count_over_time"
	Rate          Func = "rate"
	BytesOverTime Func = "bytes_over_time"
	BytesRate     Func = "bytes_rate"
)

// Constant is a query for a number that depends on nothing.
type Constant struct {
	Value float64
	// Vector tells a vector of one element from a plain number.
	Vector bool
}

func (*Log) isQuery()      {}
func (*Metric) isQuery()   {}
func (*Constant) isQuery() {}

// ParseError is what is wrong with a query, as Loki says it.
type ParseError struct {
	// Line and Col count from 1; both are 0 if the whole query is meant.
	Line, Col int
	Msg       string
}

func (e *ParseError) Error() string {
	if e.Line == 0 && e.Col == 0 {
		return "parse error : " + e.Msg
	}
	return fmt.Sprintf("parse error at line %d, col %d: %s", e.Line, e.Col, e.Msg)
}

// Selector says which logs are meant: those that all matchers match.
type Selector []Matcher

// Matches reports whether all matchers match the labels, of which get gives the values; empty for a label that is not there.
func (s Selector) Matches(get func(name string) string) bool {
	for _, m := range s {
		if !m.Matches(get(m.Name)) {
			return false
		}
	}
	return true
}

// Exact returns the value that the label must have, if a matcher demands a single one.
func (s Selector) Exact(name string) (value string, ok bool) {
	for _, m := range s {
		if m.Name == name && m.Op == "=" && m.Value != "" {
			return m.Value, true
		}
	}
	return "", false
}

const emptyCompatible = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. " +
	`For instance, app=~".*" does not meet this requirement, but app=~".+" will`

// check refuses a selector that means everything by accident.
func (s Selector) check() error {
	for _, m := range s {
		if !m.Matches("") {
			return nil
		}
	}
	return &ParseError{Msg: emptyCompatible}
}

// withoutParsers leaves the parsers out if nothing looks at what they find. Then lines that they cannot read are no errors, as in Loki.
func (l *Log) withoutParsers() {
	var stages []stage
	for _, s := range l.stages {
		switch s.(type) {
		case jsonStage, logfmtStage:
		case *lineFilter, decolorizeStage:
			stages = append(stages, s)
		default:
			return
		}
	}
	l.stages, l.extracts = stages, false
}

// Extracts reports whether the query changes the labels of lines, other than by where they come from.
func (l *Log) Extracts() bool { return l.extracts }

// Run sends a line with its labels through the pipeline. It returns the line as it comes out, and whether it does. labels is changed by
// the stages that do so. The line stays the caller's; the answer may be the same bytes.
func (l *Log) Run(line []byte, labels *Labels) ([]byte, bool) {
	for _, s := range l.stages {
		var ok bool
		if line, ok = s.run(line, labels); !ok {
			return nil, false
		}
	}
	return line, true
}

// Group reduces labels to those that a sum keeps.
func (m *Metric) Group(labels *Labels) {
	if !m.Sum {
		return
	}
	labels.filter(func(l Label) bool { return slices.Contains(m.By, l.Name) != m.Without })
}

// stage is one step of a pipeline.
type stage interface {
	run(line []byte, labels *Labels) ([]byte, bool)
}

func unsupported(t token, what string) error {
	return &ParseError{Line: t.line, Col: t.col, Msg: "livetail does not support " + what +
		"; it knows line filters, json, logfmt, label filters, drop, keep, decolorize, " +
		"count_over_time, rate, bytes_over_time, bytes_rate and sum"}
}

// tooBig is the error for a query beyond a limit.
func tooBig(t token, format string, args ...any) error {
	return &ParseError{Line: t.line, Col: t.col, Msg: strings.TrimSpace(fmt.Sprintf(format, args...))}
}
