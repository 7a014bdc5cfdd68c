package follow

import (
	"bytes"
	"context"
	"time"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/tail"
)

// coding is how the characters of a generation stand in its file. Positions always count the bytes of the file.
type coding struct {
	encoding.Encoding
	mark  int  // length of the byte order mark at the beginning, which is no part of the first line
	known bool // false while the file is too short to tell
}

// codingOf looks at the first bytes of g.
func codingOf(ctx context.Context, g *generation, byDefault encoding.Encoding) coding {
	var head [encoding.MaxMark]byte
	c := &content{ctx: ctx, g: g}
	defer c.close()
	n, _ := c.ReadAt(head[:], 0) // What cannot be read has no mark; the reading itself says why.
	e, mark := encoding.Detect(head[:n], byDefault)
	if e == encoding.UTF8 {
		mark = 0 // It is text of the first line, so that the text is the bytes of the file.
	}
	return coding{e, mark, n == len(head) || n > 0 && head[0] < 0xEF}
}

// plain reports whether text leaves the tailer as it stands in the file.
// encoding is that of l's files without a byte order mark.
func (l *Log) encoding() encoding.Encoding { return l.e.opts.Encodings.Of(l.path.String()) }

func (c coding) plain() bool { return c.Encoding == encoding.UTF8 }

// wide reports whether a NUL byte is part of ordinary text.
func (c coding) wide() bool { return c.Unit() > 1 }

// cut is the function cut for the coding: the longest line that is handed out whole is shorter, because it grows when it is decoded.
func (c coding) cut(data []byte, long bool) (n int, piece tail.Piece) {
	if c.plain() {
		return cut(data, long)
	}
	most := tail.MaxPiece / c.Growth() &^ 1
	if long {
		window := data[:min(len(data), most)]
		if i := c.LineEnd(window); i >= 0 {
			return i, tail.PieceLast
		}
		if len(window) == most {
			return c.Cut(window, most-2), tail.PieceMiddle
		}
		return 0, tail.PieceNone
	}
	for n < len(data) && n+most <= tail.MaxBatch/c.Growth() {
		window := data[n:min(len(data), n+most)]
		i := c.LastLineEnd(window)
		if i >= 0 {
			n += i
			continue
		}
		if n == 0 && len(window) == most {
			return c.Cut(window, most-2), tail.PieceFirst
		}
		break
	}
	return n, tail.PieceNone
}

// endsLine reports whether what w holds ends with a line end.
func (c coding) endsLine(w *window) bool {
	b := w.bytes()
	if c.wide() {
		return len(b) >= 2 && c.LastLineEnd(b[len(b)-2:]) == 2
	}
	return len(b) > 0 && b[len(b)-1] == '\n'
}

// decoded picks from raw data at an offset, which is whole lines or a piece of one, in another encoding than UTF-8.
func (p *picker) decoded(c coding, data []byte, at int64, piece tail.Piece, most int) pick {
	skip := 0
	if at == 0 {
		skip = min(c.mark, len(data))
	}
	if piece != tail.PieceNone {
		text := c.Decode(nil, data[skip:])
		out := pick{length: len(data), text: text, offsets: []uint32{uint32(skip)}}
		if piece == tail.PieceLast {
			out.lines = 1
		}
		if p != nil {
			picked := p.piece(text, at, piece)
			out.text, out.times = picked.text, picked.times
		}
		return out
	}
	begun := time.Now()
	text, offsets, _ := c.Lines(nil, nil, data[skip:], true)
	out := pick{length: len(data), text: text[:0], offsets: offsets[:0]}
	for i, off := range offsets {
		n, _ := nth(text, 1)
		line := text[:n]
		text = text[n:]
		var t int64
		if p != nil && p.stamp != nil {
			t = p.stamp.Stamp(line, at+int64(off)+int64(skip))
		}
		if p != nil && !p.match.pass(line) {
			continue
		}
		out.text = append(out.text, line...) // In place: it never overtakes the line.
		out.offsets = append(out.offsets, off+uint32(skip))
		if p != nil && p.stamp != nil {
			out.times = append(out.times, t)
		}
		if out.lines++; out.lines == most {
			if i+1 < len(offsets) {
				out.length = int(offsets[i+1]) + skip
			}
			break
		}
	}
	if p != nil && p.match != nil {
		p.rest = p.match.charge(time.Since(begun), out.length)
	}
	return out
}

// lastLinesWide is lastLines for UTF-16, where a byte that looks like a newline may be half of another character.
func lastLinesWide(ctx context.Context, g *generation, c coding, end, n int64, partial bool) (off, found int64, err error) {
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	at := &content{ctx: ctx, g: g}
	defer at.close()
	begin := g.from + int64(c.mark)
	end -= (end - begin) & 1
	need := n + 1
	for off = end; off > begin; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		size := min(off-begin, backBlock)
		buf := page[:size]
		got, err := at.ReadAt(buf, off-size)
		if int64(got) < size {
			if err == nil || g.packed == nil {
				err = errRewritten
			}
			return 0, 0, err
		}
		if off == end && partial && c.LastLineEnd(buf) != len(buf) {
			if n == 0 {
				return end, 0, nil
			}
			need--
			found = 1
		}
		for {
			i := c.LastLineEnd(buf)
			if i < 0 {
				break
			}
			if need--; need == 0 {
				return off - size + int64(i), n, nil
			}
			found++
			buf = buf[:i-2]
		}
		off -= size
	}
	return g.from, found, nil
}

// firstLineEnd is the index after the first line end in data that was read at off, or -1.
func (c coding) firstLineEnd(data []byte, off int64) int {
	if !c.wide() {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1
		}
		return -1
	}
	skip := int(off-int64(c.mark)) & 1
	if skip > len(data) {
		return -1
	}
	if i := c.LineEnd(data[skip:]); i >= 0 {
		return i + skip
	}
	return -1
}
