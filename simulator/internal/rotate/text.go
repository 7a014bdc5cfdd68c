package rotate

import (
	"bytes"
	"sort"
)

// text is lines that are to be written, and where each ends.
type text struct {
	b []byte
	// ends are the indexes after the line endings, counted from the start of the text that ends belonged to first, of which skipped bytes
	// are gone. If the text is not encoded, lines end after each newline byte.
	ends    []int
	skipped int
	encoded bool
}

var newline = []byte{'\n'}

// lastEnd returns where the last line ends that ends within the first so many bytes; 0 if none does.
func (t text) lastEnd(size int) int {
	if !t.encoded {
		return bytes.LastIndexByte(t.b[:size], '\n') + 1
	}
	if i := t.upTo(size); i > 0 {
		return t.ends[i-1] - t.skipped
	}
	return 0
}

// firstEnd returns where the first line ends.
func (t text) firstEnd() int {
	if !t.encoded {
		return bytes.IndexByte(t.b, '\n') + 1
	}
	return t.ends[0] - t.skipped
}

// count returns how many lines end within the first n bytes, and whether one ends just there.
func (t text) count(n int) (lines int64, whole bool) {
	if !t.encoded {
		return int64(bytes.Count(t.b[:n], newline)), t.b[n-1] == '\n'
	}
	i := t.upTo(n)
	return int64(i), i > 0 && t.ends[i-1]-t.skipped == n
}

// after returns the text without its first n bytes.
func (t text) after(n int) text {
	if t.encoded {
		t.ends = t.ends[t.upTo(n):]
		t.skipped += n
	}
	t.b = t.b[n:]
	return t
}

// upTo returns how many lines end within the first n bytes of encoded text.
func (t text) upTo(n int) int { return sort.SearchInts(t.ends, t.skipped+n+1) }
