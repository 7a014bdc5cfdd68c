// Package level guesses how severe a line of a log is, from how programs write it: the field of a JSON or logfmt line that is called
// level or the like, a word in capitals or in brackets, the first letter of klog. The page guesses by the same rules; the cases in
// testdata/levels.json hold both to them.
package level

import (
	"bytes"

	"github.com/livetail/livetail/plugin/tail"
)

// look is how much of a line is looked at, in bytes: a level stands in the head of a line, and a long line must not cost more than
// a short one.
const look = 200

// byWord is what words mean, in lower case.
var byWord = map[string]tail.Level{
	"trace": tail.LevelTrace, "trc": tail.LevelTrace, "verbose": tail.LevelTrace, "finest": tail.LevelTrace, "finer": tail.LevelTrace,
	"debug": tail.LevelDebug, "dbg": tail.LevelDebug, "fine": tail.LevelDebug,
	"info": tail.LevelInfo, "inf": tail.LevelInfo, "information": tail.LevelInfo, "notice": tail.LevelInfo, "success": tail.LevelInfo,
	"warn": tail.LevelWarn, "warning": tail.LevelWarn, "wrn": tail.LevelWarn,
	"error": tail.LevelError, "err": tail.LevelError, "eror": tail.LevelError, "severe": tail.LevelError,
	"fatal": tail.LevelFatal, "ftl": tail.LevelFatal, "critical": tail.LevelFatal, "crit": tail.LevelFatal, "panic": tail.LevelFatal,
	"emerg": tail.LevelFatal, "emergency": tail.LevelFatal, "alert": tail.LevelFatal,
}

// inCapitals are the words that count wherever they stand, if they are in capitals; inBrackets those that count in brackets.
var (
	inCapitals = set("TRACE", "TRC", "VERBOSE", "DEBUG", "DBG", "INFO", "INF", "NOTICE", "SUCCESS", "WARN", "WARNING", "WRN", "ERROR", "ERR",
		"SEVERE", "FATAL", "FTL", "CRITICAL", "CRIT", "PANIC", "EMERG", "ALERT")
	inBrackets = set("trace", "debug", "info", "notice", "warn", "warning", "error", "err", "fatal", "critical", "crit", "panic", "emerg", "alert")
	keys       = set("level", "lvl", "severity", "severityText", "levelname", "loglevel")
	numbers    = map[string]tail.Level{
		"10": tail.LevelTrace, "20": tail.LevelDebug, "30": tail.LevelInfo, "40": tail.LevelWarn, "50": tail.LevelError, "60": tail.LevelFatal,
	}
	troubles = [][]byte{
		[]byte("Traceback (most recent call last)"), []byte("panic: "), []byte("fatal error: "), []byte("Exception in thread"), []byte("Caused by: "),
	}
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// Of says the level of a line; [tail.LevelNone] if it shows none. It allocates nothing.
func Of(line []byte) tail.Level {
	b := line[:min(len(line), look)]
	var plain [look]byte
	if bytes.IndexByte(b, 0x1b) >= 0 {
		b = withoutColours(plain[:0], b)
	}
	bare := tail.LevelNone
	for i := 0; i < len(b); {
		if !isWord(b[i]) {
			i++
			continue
		}
		start := i
		for i < len(b) && isWord(b[i]) {
			i++
		}
		if i-start < 3 || i-start > 16 {
			continue
		}
		if c := b[start]; (c == 'l' || c == 's') && isKey(b, start, i) {
			if l, ok := valueAt(b, i); ok { // A field says most, whatever else stands in the line.
				return l
			}
		}
		if bare == tail.LevelNone && ('A' <= b[start] && b[start] <= 'Z' || i < len(b) && isClosing(b[i])) {
			bare = bareLevel(b, start, i)
		}
	}
	if bare != tail.LevelNone {
		return bare
	}
	if l := klog(b); l != tail.LevelNone {
		return l
	}
	for _, t := range troubles {
		if bytes.HasPrefix(b, t) {
			return tail.LevelError
		}
	}
	return tail.LevelNone
}

// isKey reports whether the word b[start:end] is the name of a field for the level.
func isKey(b []byte, start, end int) bool {
	if end >= len(b) || b[end] != '"' && b[end] != ':' && b[end] != '=' && !isSpace(b[end]) || !keys[string(b[start:end])] {
		return false
	}
	if start >= 4 && string(b[start-4:start]) == "log." && string(b[start:end]) == "level" {
		start -= 4
	}
	if start > 0 && b[start-1] == '"' {
		start--
	}
	return start == 0 || isSpace(b[start-1]) || b[start-1] == ',' || b[start-1] == '{'
}

// valueAt reads the value of the field whose name ends at i. ok is false if there is none that could be a level.
func valueAt(b []byte, i int) (l tail.Level, ok bool) {
	skip := func(is func(byte) bool) {
		if i < len(b) && is(b[i]) {
			i++
		}
	}
	isQuote := func(c byte) bool { return c == '"' }
	skip(isQuote)
	skip(isSpace)
	if i >= len(b) || b[i] != ':' && b[i] != '=' {
		return 0, false
	}
	i++
	skip(isSpace)
	skip(isQuote)
	start := i
	for i < len(b) && isWord(b[i]) {
		i++
	}
	word := b[start:i]
	switch {
	case len(word) == 2 && isDigit(word[0]) && isDigit(word[1]):
		return numbers[string(word)], true
	case len(word) == 0 || !allLetters(word):
		return 0, false
	}
	return byWord[string(lower(word))], true
}

// bareLevel is the level that the word b[start:end] means by itself.
func bareLevel(b []byte, start, end int) tail.Level {
	word := b[start:end]
	if inCapitals[string(word)] {
		return byWord[string(lower(word))]
	}
	if !inBrackets[string(word)] || end >= len(b) || !isClosing(b[end]) {
		return tail.LevelNone
	}
	if start > 1 && b[start-1] == '.' { // the name of a module before it
		for start--; start > 0 && isWord(b[start-1]); start-- {
		}
	}
	if start > 0 && bytes.IndexByte([]byte("[(<|"), b[start-1]) >= 0 {
		return byWord[string(word)]
	}
	return tail.LevelNone
}

// klog reads the letter before the date, as in I0917 08:59:00.
func klog(b []byte) tail.Level {
	if len(b) < 14 || b[5] != ' ' || b[8] != ':' || b[11] != ':' {
		return tail.LevelNone
	}
	for _, i := range [...]int{1, 2, 3, 4, 6, 7, 9, 10, 12, 13} {
		if !isDigit(b[i]) {
			return tail.LevelNone
		}
	}
	switch b[0] {
	case 'I':
		return tail.LevelInfo
	case 'W':
		return tail.LevelWarn
	case 'E':
		return tail.LevelError
	case 'F':
		return tail.LevelFatal
	}
	return tail.LevelNone
}

// withoutColours appends b to dst, the sequences for colours left out.
func withoutColours(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == 0x1b && i+1 < len(b) && b[i+1] == '[' {
			j := i + 2
			for j < len(b) && (isDigit(b[j]) || b[j] == ';' || b[j] == ':') {
				j++
			}
			if j < len(b) && b[j] == 'm' {
				i = j
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}

// lower is word in lower case; it is at most 16 letters long, or none that is known.
func lower(word []byte) []byte {
	var out [16]byte
	if len(word) > len(out) {
		return nil
	}
	for i, c := range word {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		out[i] = c
	}
	return out[:len(word)]
}

func allLetters(word []byte) bool {
	for _, c := range word {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

func isClosing(c byte) bool { return c == ']' || c == ')' || c == '>' || c == '|' }

func isWord(c byte) bool { return wordBytes[c] }

var wordBytes = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = 'a' <= b|0x20 && b|0x20 <= 'z' || isDigit(b) || b == '_'
	}
	return t
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
