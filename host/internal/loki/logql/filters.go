package logql

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
)

// lineFilter lets lines pass that hold any of some texts, or match any of some regular expressions or patterns; or, if negative, none of them.
type lineFilter struct {
	negative bool
	any      []lineTest
}

// lineTest is one text, one regular expression or one pattern.
type lineTest struct {
	text    []byte
	re      *regexp.Regexp
	pattern *linePattern
}

func (f *lineFilter) add(op kind, s string) (err error) {
	t := lineTest{text: []byte(s)}
	switch {
	case op == "|>" || op == "!>":
		if t.pattern, err = newLinePattern(s); err != nil {
			return err
		}
	case (op == "|~" || op == "!~") && regexp.QuoteMeta(s) != s: // An expression without meaning is a text, which is much faster to find.
		if t.re, err = compile(s); err != nil {
			return err
		}
	}
	f.any = append(f.any, t)
	return nil
}

func (f *lineFilter) run(line []byte, _ *Labels) ([]byte, bool) {
	for _, t := range f.any {
		if t.matches(line) {
			return line, !f.negative
		}
	}
	return line, f.negative
}

func (t lineTest) matches(line []byte) bool {
	switch {
	case t.pattern != nil:
		return t.pattern.matches(line)
	case t.re != nil:
		return t.re.Match(line[:min(len(line), MaxMatched)])
	}
	return bytes.Contains(line, t.text)
}

// labelFilter lets lines pass whose labels meet a condition.
type labelFilter struct{ condition }

func (f labelFilter) run(line []byte, labels *Labels) ([]byte, bool) { return line, f.holds(labels) }

// condition is about the labels of a line.
type condition interface{ holds(*Labels) bool }

type both struct {
	left, right condition
	or          bool
}

func (b both) holds(l *Labels) bool {
	if b.left.holds(l) == b.or {
		return b.or
	}
	return b.right.holds(l)
}

type textCondition struct{ Matcher }

func (c textCondition) holds(l *Labels) bool { return c.Matches(l.Get(c.Name)) }

// numberCondition compares a label that is a number, a duration or a size.
type numberCondition struct {
	name, op string
	unit     kind
	value    float64
}

// holds lets lines pass that cannot be compared, with an error label, so that no line is lost by a misspelt unit; as Loki does.
func (c numberCondition) holds(l *Labels) bool {
	text, ok := l.Lookup(c.name)
	if !ok {
		return false
	}
	if l.Error() != "" {
		return true
	}
	var v float64
	var err error
	switch c.unit {
	case kindDuration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		v = float64(d)
	case kindBytes:
		v, err = sizeOf(text)
	default:
		v, err = strconv.ParseFloat(text, 64)
	}
	if err != nil {
		l.fail("LabelFilterErr", err.Error())
		return true
	}
	switch c.op {
	case "=", "==":
		return v == c.value
	case "!=":
		return v != c.value
	case ">":
		return v > c.value
	case ">=":
		return v >= c.value
	case "<":
		return v < c.value
	default:
		return v <= c.value
	}
}

// dropStage takes labels away: those named, or with keep all others.
type dropStage struct {
	keep   bool
	labels []dropped
}

type dropped struct {
	name    string
	matcher *Matcher
}

func (s *dropStage) run(line []byte, labels *Labels) ([]byte, bool) {
	labels.filter(func(l Label) bool {
		for _, d := range s.labels {
			if d.name == l.Name && (d.matcher == nil || d.matcher.Matches(l.Value)) {
				return s.keep
			}
		}
		return !s.keep || l.Name == labelError || l.Name == labelErrorDetails
	})
	return line, true
}

// decolorizeStage takes the terminal colours out of lines.
type decolorizeStage struct{}

var colour = regexp.MustCompile("\x1b\\[[0-9;:]*[A-Za-z]")

func (decolorizeStage) run(line []byte, _ *Labels) ([]byte, bool) {
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line, true
	}
	return colour.ReplaceAll(line, nil), true
}
