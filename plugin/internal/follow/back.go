package follow

import (
	"bytes"
	"context"
	"sync"
)

// backBlock is how much is read at a time on the way back.
const backBlock = 64 << 10

var backBlocks = sync.Pool{New: func() any { return new([backBlock]byte) }}

// lastLines looks for the beginning of the last n lines of what stands in g before end. It returns its offset, and how many lines there
// are from there on; fewer than n only if off is the beginning of g. An incomplete line at the end counts if partial is true; otherwise it belongs
// to what comes after the last line, so that n = 0 gives its beginning.
//
// It reads blocks from the end, so the cost is that of the lines wanted, whatever the size of the file.
func lastLines(ctx context.Context, g *generation, end, n int64, partial bool) (off, found int64, err error) {
	if g.packed != nil {
		return lastPackedLines(ctx, g, end, n)
	}
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	need := n + 1 // Newlines to be passed: the one that ends the line before the first wanted counts too.
	for off = end; off > g.from; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		size := min(off-g.from, backBlock)
		buf := page[:size]
		got, err := g.on.readAt(buf, off-size)
		if err != nil {
			return 0, 0, err
		}
		if int64(got) < size {
			return 0, 0, errRewritten
		}
		if off == end && partial && buf[size-1] != '\n' { // The last line has no newline of its own.
			if n == 0 {
				return end, 0, nil
			}
			need--
			found = 1
		}
		c := int64(bytes.Count(buf, newline))
		if c < need {
			need -= c
			found += c
			off -= size
			continue
		}
		for ; need > 0; need-- {
			buf = buf[:bytes.LastIndexByte(buf, '\n')]
		}
		return off - size + int64(len(buf)) + 1, n, nil
	}
	return off, found, nil
}

var newline = []byte{'\n'}
