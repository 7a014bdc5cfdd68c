package encoding

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	xencoding "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

var all = []Encoding{UTF8, UTF16LE, UTF16BE, GBK, GB18030}

// reference is the same encoding by other people, for whole buffers.
func reference(e Encoding) xencoding.Encoding {
	switch e {
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case GBK:
		return simplifiedchinese.GBK
	case GB18030:
		return simplifiedchinese.GB18030
	default:
		return xencoding.Nop
	}
}

func encode(t testing.TB, e Encoding, s string) []byte {
	t.Helper()
	b, err := reference(e).NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatalf("%v: %v", e, err)
	}
	return b
}

func TestLines_EveryEncoding(t *testing.T) {
	want := "one\n你好aaa\r\n\n| INFO | 中文日志\nstart"
	for _, e := range all {
		src := encode(t, e, want)
		text, offsets, n := e.Lines(nil, nil, src, false)
		if got, whole := string(text), strings.TrimSuffix(want, "start"); got != whole {
			t.Errorf("%v: got %q, want %q", e, got, whole)
		}
		lines := strings.SplitAfter(want, "\n")
		if len(offsets) != len(lines)-1 || n != len(src)-len(encode(t, e, "start")) {
			t.Errorf("%v: offsets %v, %d of %d bytes", e, offsets, n, len(src))
		}
		for i, at := range offsets {
			if line := encode(t, e, lines[i]); !bytes.HasPrefix(src[at:], line) {
				t.Errorf("%v: line %d is not at %d", e, i, at)
			}
		}
		if text, _, n := e.Lines(nil, nil, src, true); string(text) != want || n != len(src) {
			t.Errorf("%v, to the end: %q, %d", e, text, n)
		}
	}
}

func TestLineEnd_InUTF16IsAligned(t *testing.T) {
	// U+0A05 U+0100 stands in the file as 05 0A 00 01, with a false line end in the middle; U+010A begins with 0A.
	for _, tt := range []struct {
		name string
		e    Encoding
		b    []byte
		want int
	}{
		{"false one, little endian", UTF16LE, []byte{0x05, 0x0A, 0x00, 0x01}, -1},
		{"false one, then a true one", UTF16LE, []byte{0x05, 0x0A, 0x00, 0x01, 0x0A, 0x00}, 6},
		{"another character that begins with 0A", UTF16LE, []byte{0x0A, 0x01}, -1},
		{"cut in the middle", UTF16LE, []byte{0x41, 0x00, 0x0A}, -1},
		{"false one, big endian", UTF16BE, []byte{0x01, 0x00, 0x0A, 0x05}, -1},
		{"true one, big endian", UTF16BE, []byte{0x01, 0x00, 0x00, 0x0A, 0x00}, 4},
		{"another character that ends with 0A", UTF16BE, []byte{0x01, 0x0A}, -1},
		{"bytes", UTF8, []byte("ab\nc\n"), 3},
		{"none", GBK, []byte("ab"), -1},
	} {
		if got := tt.e.LineEnd(tt.b); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := UTF16LE.LastLineEnd([]byte{0x0A, 0x00, 0x05, 0x0A, 0x00, 0x01}); got != 2 {
		t.Errorf("last: %d", got)
	}
	if got := UTF8.LastLineEnd([]byte("a\nb\nc")); got != 4 {
		t.Errorf("last: %d", got)
	}
}

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		head string
		def  Encoding
		want Encoding
		mark int
	}{
		{"\xEF\xBB\xBFx", UTF8, UTF8, 3}, {"\xFF\xFEx\x00", UTF8, UTF16LE, 2}, {"\xFE\xFF\x00x", GBK, UTF16BE, 2},
		{"", UTF8, UTF8, 0}, {"x", GBK, GBK, 0}, {"\xFF", UTF16LE, UTF16LE, 0}, {"\xEF\xBB\xBF", UTF16BE, UTF8, 3},
	} {
		if e, mark := Detect([]byte(tt.head), tt.def); e != tt.want || mark != tt.mark {
			t.Errorf("%q: %v, %d; want %v, %d", tt.head, e, mark, tt.want, tt.mark)
		}
	}
}

func TestParse(t *testing.T) {
	for _, e := range all {
		for _, name := range []string{e.String(), strings.ToUpper(e.String()), strings.ReplaceAll(e.String(), "-", "")} {
			if got, err := Parse(name); err != nil || got != e {
				t.Errorf("%q: %v, %v", name, got, err)
			}
		}
	}
	if _, err := Parse("ebcdic"); err == nil || !strings.Contains(err.Error(), "utf-16le") {
		t.Errorf("unknown name: %v", err)
	}
}

func TestCut_NeverInTheMiddleOfACharacter(t *testing.T) {
	s := "a你b😀好\U0002070Ec"
	for _, e := range all {
		text := s
		if e == GBK {
			text = "a你b好c" // It has no others.
		}
		src := encode(t, e, text)
		for most := range len(src) + 2 {
			n := e.Cut(src, most)
			if n < min(1, len(src)) || n > len(src) || n > max(most, 4) {
				t.Fatalf("%v: cut of %d bytes at most %d is %d", e, len(src), most, n)
			}
			got := e.Decode(nil, src[:n])
			got = e.Decode(got, src[n:])
			if string(got) != text && most >= 4 {
				t.Errorf("%v: cut at %d of most %d gives %q", e, n, most, got)
			}
		}
	}
}

// Cutting what is no text anywhere must still get on.
func TestCut_InvalidText(t *testing.T) {
	for _, e := range all {
		for _, b := range [][]byte{bytes.Repeat([]byte{0xFF}, 9), bytes.Repeat([]byte{0x80}, 9), bytes.Repeat([]byte{0xD8}, 9), bytes.Repeat([]byte{0xE4}, 9)} {
			for most := range 10 {
				if n := e.Cut(b, most); n < 1 || n > max(most, 2) {
					t.Errorf("%v: cut of %x at most %d is %d", e, b, most, n)
				}
			}
		}
	}
}

// decoded is a line decoded by other people's code.
func decoded(t *testing.T, e Encoding, line []byte) []byte {
	if e.Unit() == 2 {
		// Not by x/text, which makes one character of two halves that do not fit.
		order := map[Encoding]binary.ByteOrder{UTF16LE: binary.LittleEndian, UTF16BE: binary.BigEndian}[e]
		var units []uint16
		for i := 0; i+1 < len(line); i += 2 {
			units = append(units, order.Uint16(line[i:]))
		}
		out := []byte(string(utf16.Decode(units)))
		if len(line)%2 == 1 {
			out = utf8.AppendRune(out, utf8.RuneError)
		}
		return out
	}
	out, err := reference(e).NewDecoder().Bytes(line)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Lines in pieces, in whatever blocks they are read, are the whole buffer decoded at once.
func FuzzLines(f *testing.F) {
	for _, e := range all {
		f.Add(encode(f, e, "one\n你好aaa\r\n\n中文\nlast"), byte(e), byte(7))
	}
	f.Add([]byte{0x05, 0x0A, 0x00, 0x01, 0x0A, 0x00, 0xD8}, byte(UTF16LE), byte(2))
	f.Add([]byte{0x81, 0x0A, 0x81, 0x30, 0x0A, 0x81, 0x30, 0x81, 0x0A, 0xFF}, byte(GB18030), byte(3))
	f.Fuzz(func(t *testing.T, src []byte, which, block byte) {
		e := all[int(which)%len(all)]
		// The reference: the whole, line by line.
		var want []byte
		var starts []int
		for rest := src; len(rest) > 0; {
			end := len(rest)
			for i := 0; i+e.Unit() <= len(rest); i += e.Unit() {
				u := rest[i : i+e.Unit()]
				if string(u) == map[Encoding]string{UTF16LE: "\n\x00", UTF16BE: "\x00\n"}[e] || e.Unit() == 1 && u[0] == '\n' {
					end = i + e.Unit()
					break
				}
			}
			starts = append(starts, len(src)-len(rest))
			want = append(want, decoded(t, e, rest[:end])...)
			rest = rest[end:]
		}
		// The same in blocks, as a file that grows is read.
		var got []byte
		var gotStarts []int
		step := max(1, int(block)) * e.Unit()
		for at, have := 0, 0; at < len(src); {
			have = min(have+step, len(src))
			if have <= at {
				continue
			}
			text, offsets, n := e.Lines(nil, nil, src[at:have], have == len(src))
			got = append(got, text...)
			for _, o := range offsets {
				gotStarts = append(gotStarts, at+int(o))
			}
			at += n
			if have == len(src) && n == 0 {
				t.Fatal("no way on")
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%v: %x: got %q, want %q", e, src, got, want)
		}
		if !slices.Equal(gotStarts, starts) {
			t.Fatalf("%v: %x: lines at %v, want %v", e, src, gotStarts, starts)
		}
		if e != UTF8 && !utf8.Valid(got) {
			t.Fatalf("%v: %x: not UTF-8: %q", e, src, got)
		}
		if len(got) > len(src)*e.Growth() {
			t.Fatalf("%v: %x grew to %d bytes", e, src, len(got))
		}
		// From the other side, and in cuts.
		if first, last := e.LineEnd(src), e.LastLineEnd(src); (first < 0) != (last < 0) || last < first {
			t.Fatalf("%v: %x: first line end %d, last %d", e, src, first, last)
		}
		for rest := src; len(rest) > 0; {
			n := e.Cut(rest, int(block))
			if n < 1 || n > len(rest) || n > max(int(block), 4) {
				t.Fatalf("%v: cut of %x at most %d is %d", e, rest, block, n)
			}
			rest = rest[n:]
		}
	})
}

func BenchmarkLines(b *testing.B) {
	for _, e := range all {
		src := encode(b, e, strings.Repeat("2020-09-17 08:59:00.123456 | INFO     | __main__:<module>:30 - 你好aaa\n", 1000))
		b.Run(e.String(), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var text []byte
			var offsets []uint32
			for b.Loop() {
				text, offsets, _ = e.Lines(text[:0], offsets[:0], src, false)
			}
		})
	}
}
