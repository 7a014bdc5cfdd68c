package render

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/livetail/livetail/plugin/tail"
)

// Notice returns a message of our own in the shape that readers of f know: red and bold where there are colours. Control characters
// of text are left out, so that it stays one line.
func Notice(f Format, text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	switch f {
	case HTML:
		dst := []byte(`<font color="red"><strong>`)
		for i := range len(text) {
			dst = appendEntity(dst, text[i])
		}
		return string(append(dst, "</strong></font>"...))
	case ANSI:
		return "\x1b[1;31m" + text + "\x1b[0m"
	default:
		return text
	}
}

// notice returns a notice on a line of its own.
func (r *Renderer) notice(text string) []byte {
	return append(append(r.endLine(nil), Notice(r.format, text)...), '\n')
}

// GapText says in one sentence what is missing and why.
func GapText(g tail.Gap) string {
	var b strings.Builder
	if g.Certain {
		b.WriteString("Lines are missing here: ")
	} else {
		b.WriteString("Lines may be missing here: ")
	}
	b.WriteString(causeText(g.Cause))
	var parts []string
	count := func(n *int64, before, one, many string) {
		switch {
		case n == nil:
		case *n == 1:
			parts = append(parts, before+"1 "+one)
		default:
			parts = append(parts, before+strconv.FormatInt(*n, 10)+" "+many)
		}
	}
	count(g.Generations, "", "rotated file", "rotated files")
	count(g.Lines, "", "line", "lines")
	if g.Bytes != nil {
		count(g.Bytes, "", "byte", "bytes")
	} else {
		count(g.MinBytes, "at least ", "byte", "bytes")
	}
	if len(parts) == 0 {
		parts = []string{"how much is unknown"}
	}
	b.WriteString(" (" + strings.Join(parts, ", ") + ")")
	return b.String()
}

// causeText says for people what a cause means.
func causeText(c tail.Cause) string {
	switch c {
	case tail.CauseDeleted:
		return "a rotated file was deleted before it could be opened"
	case tail.CauseOverwritten:
		return "a rotated file was overwritten before it could be opened"
	case tail.CauseTruncated:
		return "the file was emptied before it was read to its end"
	case tail.CauseCopyWindow:
		return "something may have been written between the copying and the emptying of the file"
	case tail.CauseEvicted:
		return "a rotated file had to be let go because too many were held open"
	case tail.CauseCorrupt:
		return "a compressed file is damaged"
	case tail.CauseDown:
		return "a file was destroyed while nobody was watching"
	case tail.CauseStale:
		return "the network file system took the file away"
	case tail.CauseUnreadable:
		return "a file could not be read"
	case tail.CauseHole:
		return "a hole in the file was skipped"
	case tail.CauseOverrun:
		return "the source dropped lines"
	default:
		return "for a reason unknown"
	}
}
