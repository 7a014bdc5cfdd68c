package follow

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// found is a file in the folder that may be a generation of the log.
type found struct {
	name   string
	plain  string // the name without the ending of a compressor
	number int    // of a name like app.log.3; 0 if it has none
	packed string // the ending of the compressor
	mtime  int64
}

// packers are the endings of compressed generations.
var packers = []string{".gz", ".zst", ".bz2", ".xz", ".lz4", ".lzma", ".zip"}

// sibling takes the name of a rotated generation of base apart. ok is false if it is none.
func sibling(base, name string) (f found, ok bool) {
	f = found{name: name, plain: name}
	for _, p := range packers {
		if rest, cut := strings.CutSuffix(name, p); cut {
			f.plain, f.packed = rest, p
		}
	}
	if f.plain == base {
		return f, f.packed != ""
	}
	if rest, ok := strings.CutPrefix(f.plain, base); ok {
		f.number = counter(rest)
		return f, f.number > 0 || isStamp(rest)
	}
	ext := filepath.Ext(base)
	rest, ok := strings.CutPrefix(f.plain, strings.TrimSuffix(base, ext))
	if !ok || ext == "" {
		return f, false
	}
	if rest, ok = strings.CutSuffix(rest, ext); !ok {
		return f, false
	}
	f.number = counter(rest)
	return f, f.number > 0 || isStamp(rest)
}

// counter returns one more than the number of a rotation counter such as ".3"; 0 if s is none.
func counter(s string) int {
	rest, ok := strings.CutPrefix(s, ".")
	if !ok || len(rest) > 5 {
		return 0
	}
	n, err := strconv.ParseUint(rest, 10, 32)
	if err != nil {
		return 0
	}
	return int(n) + 1
}

// isStamp reports whether s is a separator and a date or time, possibly with a counter: at least six digits, and nothing but what
// stands between the parts of times.
func isStamp(s string) bool {
	if s == "" || !strings.Contains("-._", s[:1]) {
		return false
	}
	n := 0
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			n++
		case !strings.ContainsRune("-_.:+TZ", c):
			return false
		}
	}
	return n >= 6
}

// sortFound puts the generations of a log in order, oldest first.
func sortFound(files []found) { slices.SortFunc(files, compareFound) }

func compareFound(a, b found) int {
	switch {
	case a.number > 0 && b.number > 0:
		return cmp.Compare(b.number, a.number)
	case a.number == 0 && b.number == 0:
		return natural(a.plain, b.plain)
	default:
		return cmp.Compare(a.mtime, b.mtime)
	}
}

// natural compares names with the numbers in them as numbers, and a name before the same with a counter.
func natural(a, b string) int {
	for a != "" && b != "" {
		i, j := digits(a), digits(b)
		if i > 0 && j > 0 {
			x, y := strings.TrimLeft(a[:i], "0"), strings.TrimLeft(b[:j], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[i:], b[j:]
			continue
		}
		if a[0] != b[0] {
			// A counter stands before the ending: app.D.log comes before app.D.2.log.
			if i > 0 || j > 0 {
				return cmp.Compare(min(i, 1), min(j, 1))
			}
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}
