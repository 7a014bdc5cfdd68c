package follow

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// FuzzCut compares the splitting of data that comes in chunks with that of the whole: the same bytes, whole lines, and pieces of long
// lines in order.
func FuzzCut(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), uint16(1), uint32(0))
	f.Add([]byte("你好\n\xff\xfe\n"), uint16(2), uint32(70_000))
	f.Fuzz(func(t *testing.T, data []byte, chunk uint16, long uint32) {
		if n := int(long % (3 * tail.MaxPiece)); n > 0 {
			data = append(bytes.Repeat([]byte("你"), n/3), data...)
		}
		size := int(chunk)%4096 + 1
		if len(data) > 10_000 {
			size += 16 << 10
		}
		var out, pending []byte
		inLong := false
		valid := utf8.Valid(data)
		for rest := data; len(rest) > 0 || len(pending) > 0; {
			n, piece := cut(pending, inLong)
			if n == 0 {
				if len(rest) == 0 {
					break
				}
				k := min(size, len(rest), blockSize-len(pending))
				pending, rest = append(pending, rest[:k]...), rest[k:]
				continue
			}
			text := pending[:n]
			switch piece {
			case tail.PieceNone:
				if inLong || text[n-1] != '\n' {
					t.Fatalf("not whole lines: %q", text)
				}
				for line := range bytes.Lines(text) {
					if len(line) > tail.MaxPiece {
						t.Fatalf("a line of %d bytes in one", len(line))
					}
				}
			case tail.PieceFirst, tail.PieceMiddle:
				if n > tail.MaxPiece || bytes.IndexByte(text, '\n') >= 0 || inLong == (piece == tail.PieceFirst) {
					t.Fatalf("a bad piece of %d bytes", n)
				}
				if valid && !utf8.Valid(text) {
					t.Fatal("a character was cut in two")
				}
			case tail.PieceLast:
				if !inLong || bytes.IndexByte(text, '\n') != n-1 {
					t.Fatalf("a bad last piece: %q", text)
				}
			}
			inLong = piece == tail.PieceFirst || piece == tail.PieceMiddle
			out = append(out, text...)
			pending = pending[n:]
		}
		if !bytes.Equal(append(out, pending...), data) {
			t.Fatal("bytes have changed")
		}
		if i := bytes.IndexByte(pending, '\n'); i >= 0 {
			t.Fatalf("a line was left: %q", pending)
		}
	})
}

// FuzzToken: what is read is written the same, and what is no token is refused as a bad request.
func FuzzToken(f *testing.F) {
	f.Add(token{1, 2, 3, 4}.String())
	f.Add("")
	f.Add("AQ")
	f.Add("A\nQ000000000000000000000000000000000000000A")
	f.Add(token{1, 2, 3, 4}.String()[:8] + "\n" + token{1, 2, 3, 4}.String()[8:])
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := parseToken(s)
		if err != nil {
			if !errors.Is(err, tail.ErrBadRequest) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if tok.String() != s {
			t.Fatalf("%q became %q", s, tok.String())
		}
		if _, err := tail.ParsePosition(tail.Position{Generation: s}.String()); err != nil {
			t.Fatalf("it is no generation of a position: %v", err)
		}
	})
}

// FuzzHole: what comes before a possible hole holds none, and short runs of NUL bytes are content.
func FuzzHole(f *testing.F) {
	f.Add([]byte("a\x00b"), uint16(0))
	f.Add([]byte("\x00\x00b"), uint16(5000))
	f.Fuzz(func(t *testing.T, data []byte, run uint16) {
		data = append(append(data, make([]byte, run)...), 'x')
		n := beforeHole(data, false)
		if bytes.Contains(data[:n], make([]byte, minHole)) {
			t.Fatalf("a hole before %d", n)
		}
		if n < len(data) && nuls(data[n:]) < minHole && n+nuls(data[n:]) != len(data) {
			t.Fatalf("%d NUL bytes at %d are no hole", nuls(data[n:]), n)
		}
	})
}
