// Package family knows how rotators name the files that they put away: which names in a folder are rotated generations of a log, and in
// what order they were written. It looks at names, and at times where the caller knows them; it opens nothing.
//
// Known are the names of lumberjack, loguru, logrotate (numbers, dates, the extension option, and the name of last resort), the kubelet,
// Docker, Python's handlers, log4j and logback, multilog, and everything else that puts a number or a time into the name of the log; each
// with the endings of the usual compressors.
package family

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Scheme says what tells the generations of a log apart.
type Scheme int

// The schemes.
const (
	// Numbered: app.log.1, app.1.log. The higher the number, the older, as a rule.
	Numbered Scheme = iota + 1
	// Stamped: app-2026-11-23T07-00-00.000.log, app.log-20261123. Older stamps are older.
	Stamped
)

// Member is the name of a rotated generation, taken apart.
type Member struct {
	// Name is the name of the file, without folder.
	Name string
	// Plain is the name without the ending of a compressor, and Packed is that ending; empty if it is not compressed.
	Plain, Packed string
	// Scheme says which of the following tells the generation apart.
	Scheme Scheme
	// Number is that of [Numbered]; 0 for a name like app.log.gz, which has none.
	Number int
	// Stamp is that of [Stamped], read as if it were UTC: what zone it is in cannot be known.
	Stamp time.Time
	// Counter tells generations with the same stamp apart: none is 0, and comes first.
	Counter int
	// Weak means that the name could as well be that of another log, as app.1.log could.
	Weak bool
}

// maxName bounds the names that are looked at, in bytes.
const maxName = 255

// packers are the endings of compressed files, longest first where one ends in another.
var packers = []string{
	".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".gz", ".zst", ".bz2", ".xz", ".lzma", ".lz4", ".zip", ".tar", ".Z",
}

// Sibling reports whether name is that of a rotated generation of the log base. Both are without folder.
func Sibling(base, name string) bool {
	_, ok := Parse(base, name)
	return ok
}

// Parse takes the name of a rotated generation of the log base apart. Both are without folder. It reports false for a name that is
// none, for example that of base itself.
func Parse(base, name string) (Member, bool) {
	m := Member{Name: name, Plain: name}
	if base == "" || len(name) > maxName || strings.ContainsAny(name, "/\x00") {
		return Member{}, false
	}
	for _, ending := range packers {
		if rest, ok := strings.CutSuffix(name, ending); ok && rest != "" {
			m.Plain, m.Packed = rest, ending
			break
		}
	}
	if m.Plain == base {
		m.Scheme = Numbered
		return m, m.Packed != ""
	}
	if base == "current" && m.tai64n() {
		return m, true
	}
	// What the rotator added stands behind the whole name, or between it and its extension.
	if added, ok := strings.CutPrefix(m.Plain, base); ok {
		return m, m.behind(added)
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if ext == "" || stem == "" || len(m.Plain) <= len(stem)+len(ext) {
		return Member{}, false
	}
	added, ok := strings.CutPrefix(m.Plain, stem)
	added, ok2 := strings.CutSuffix(added, ext)
	return m, ok && ok2 && m.between(added)
}

// behind understands what was added behind the name: .1, -20261123, .2026-11-23, .20261123-070000.
func (m *Member) behind(added string) bool {
	if rest, ok := strings.CutSuffix(added, ".backup"); ok {
		added = rest // logrotate, when the name that it wanted was taken.
	}
	if n, ok := number(added, "."); ok {
		m.Scheme, m.Number = Numbered, n
		return true
	}
	return m.stamp(added)
}

// between understands what was added before the extension: -2026-11-23T07-00-00.000, .2026-11-23_07-00-00_000000.2, .1, -1.
func (m *Member) between(added string) bool {
	if m.stamp(added) {
		return true
	}
	m.Scheme, m.Weak = Numbered, true
	var ok bool
	if m.Number, ok = number(added, "."); ok {
		return true
	}
	// Two logs app.log and app-1.log are common; but one that is written is not compressed.
	m.Number, ok = number(added, "-_")
	return ok && m.Packed != ""
}

// number understands a separator and a small number without leading zeros. A larger one is a date.
func number(s, separators string) (int, bool) {
	if len(s) < 2 || len(s) > 6 || !strings.Contains(separators, s[:1]) || !digits(s[1:]) || s[1] == '0' && len(s) > 2 {
		return 0, false
	}
	n, err := strconv.Atoi(s[1:])
	return n, err == nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// layouts are the forms of a stamp, in the notation of package time, which takes a fraction of a second after each that has seconds.
var layouts = []string{
	"2006-01-02T15-04-05", "2006-01-02T15-04", "2006-01-02T15:04:05", "2006-01-02T150405", "2006-01-02-15-04-05", "2006-01-02-15-04", "2006-01-02-15",
	"2006-01-02_15-04-05", "2006-01-02_15-04", "2006-01-02_15", "2006-01-02_150405", "2006-01-02-150405",
	"2006-01-02", "2006_01_02", "2006.01.02", "2006-01", "01-02-2006", "02-01-2006",
	"20060102-150405", "20060102_150405", "20060102T150405", "20060102150405", "200601021504", "2006010215", "20060102-15", "20060102_15", "20060102",
}

// stamp understands a separator, a time, and perhaps another separator and a counter.
func (m *Member) stamp(added string) bool {
	if len(added) < 8 || !strings.ContainsRune("-._@", rune(added[0])) {
		return false
	}
	text := added[1:]
	t, ok := parseTime(text)
	if !ok {
		i := strings.LastIndexAny(text, ".-_")
		if i < 0 || len(text)-i > 7 || !digits(text[i+1:]) {
			return false
		}
		n, err := strconv.Atoi(text[i+1:])
		if t, ok = parseTime(text[:i]); !ok || err != nil {
			return false
		}
		m.Counter = n
	}
	m.Scheme, m.Stamp = Stamped, t
	return true
}

// parseTime reads a stamp in any of the forms.
func parseTime(s string) (time.Time, bool) {
	// loguru writes microseconds after an underscore.
	if i := strings.LastIndexByte(s, '_'); i == len("2006-01-02_15-04-05") && len(s) == i+7 && digits(s[i+1:]) {
		s = s[:i] + "." + s[i+1:]
	}
	if digits(s) && s[0] == '1' {
		// Seconds or milliseconds since 1970, in the years from 2001 to 2033.
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) == 10 {
			return time.Unix(n, 0).UTC(), true
		} else if err == nil && len(s) == 13 {
			return time.UnixMilli(n).UTC(), true
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1980 && t.Year() < 2200 {
			return t, true
		}
	}
	return time.Time{}, false
}

// tai64n understands multilog's names: @, a TAI64N label in hexadecimal, and .s or .u.
func (m *Member) tai64n() bool {
	label, ok := strings.CutPrefix(m.Plain, "@")
	if i := strings.IndexByte(label, '.'); i >= 0 {
		label = label[:i]
	}
	if !ok || len(label) != 24 {
		return false
	}
	s, err := strconv.ParseUint(label[:16], 16, 64)
	ns, err2 := strconv.ParseUint(label[16:], 16, 32)
	if err != nil || err2 != nil || s < 1<<62 || s-1<<62 > 1<<33 {
		return false
	}
	m.Scheme, m.Stamp = Stamped, time.Unix(int64(s-1<<62), int64(ns)).UTC() // Leap seconds do not change the order.
	return true
}
