package logql

import (
	"slices"
	"strings"
)

// Label is a name with a value.
type Label struct{ Name, Value string }

// Labels are those of one line: first those of its log, then what stages added. The zero value has none. It is meant to be used again for
// the next line.
type Labels struct {
	list []Label
	base int // so many came with the log
}

// Error labels, as Loki calls them.
const (
	labelError        = "__error__"
	labelErrorDetails = "__error_details__"
)

// Reset makes l the labels of a log, which are copied.
func (l *Labels) Reset(base []Label) {
	l.list = append(l.list[:0], base...)
	l.base = len(base)
}

// Get returns the value of a label; empty if it is not there.
func (l *Labels) Get(name string) string {
	v, _ := l.Lookup(name)
	return v
}

// Lookup returns the value of a label and whether it is there.
func (l *Labels) Lookup(name string) (string, bool) {
	for i := range l.list {
		if l.list[i].Name == name {
			return l.list[i].Value, true
		}
	}
	return "", false
}

// Set gives a label a value.
func (l *Labels) Set(name, value string) {
	for i := range l.list {
		if l.list[i].Name == name {
			l.list[i].Value = value
			return
		}
	}
	l.list = append(l.list, Label{name, value})
}

// begin notes which labels there are before a line is taken apart.
func (l *Labels) begin() int { return len(l.list) }

// extractFirst is extract for a label that counts but once in a line: not if it was added since begin returned seen.
func (l *Labels) extractFirst(seen int, name, value string) {
	for i := min(seen, len(l.list)); i < len(l.list); i++ {
		if n := l.list[i].Name; n == name || n == name+"_extracted" && l.isBase(name) {
			return
		}
	}
	l.extract(name, value)
}

func (l *Labels) isBase(name string) bool {
	return slices.ContainsFunc(l.list[:l.base], func(x Label) bool { return x.Name == name })
}

// extract adds a label found in the line. A label of the log itself is not overwritten.
func (l *Labels) extract(name, value string) {
	for i := range l.base {
		if l.list[i].Name == name {
			name += "_extracted"
			break
		}
	}
	if len(l.list)-l.base < MaxExtracted {
		l.Set(name, value)
	}
}

// Remove takes a label away.
func (l *Labels) Remove(name string) { l.filter(func(x Label) bool { return x.Name != name }) }

// filter keeps the labels that keep wants.
func (l *Labels) filter(keep func(Label) bool) {
	n, base := 0, 0
	for i, label := range l.list {
		if keep(label) {
			l.list[n] = label
			n++
			if i < l.base {
				base++
			}
		}
	}
	l.list, l.base = l.list[:n], base
}

// Error is what went wrong with the line; empty if nothing did.
func (l *Labels) Error() string { return l.Get(labelError) }

func (l *Labels) fail(what, details string) {
	l.Set(labelError, what)
	l.Set(labelErrorDetails, details)
}

// Sorted returns the labels in order of their names. The answer is good until the labels change.
func (l *Labels) Sorted() []Label {
	slices.SortFunc(l.list, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	l.base = 0
	return l.list
}
