package render

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

var seeds = []string{
	"2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa\n",
	"<script>alert(1)</script>\n", "\x1b[31;7mx\x1b[0m\n", "\x1b[38;2;1;2;3m\x1b]8;;http://x\x1b\\t\x1b]8;;\a\n",
	"\u009b1m\u009d0;\u009c\xff\xc2", "a\x1b", "\x1b[", "\x1b]0;\xc2\x9c", "&amp;\r\n", "\x1b[4:3;58:2::1:2:3m~",
}

// FuzzHTML checks, for any input: no markup but our own spans, no control characters, as many lines as the input has, and the same
// view however the input is cut into pieces.
func FuzzHTML(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		whole := string(New(HTML).Render(tail.Lines{Text: in}))
		want, err := view(whole)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Count(whole, "\n"), bytes.Count(in, []byte("\n")); got != want {
			t.Fatalf("%d newlines of %d", got, want)
		}
		if len(in) == 0 {
			return
		}
		at := int(cut % uint(len(in)))
		r := New(HTML)
		var got []shown
		for _, l := range []tail.Lines{{Text: in[:at], Piece: tail.PieceFirst}, {Text: in[at:], Piece: tail.PieceLast}} {
			part, err := view(string(r.Render(l)))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d:\ngot  %v\nwant %v", at, got, want)
		}
	})
}

// FuzzText checks that text holds no control character, that text with colours holds no other sequence than SGR, and that all three
// formats show the same characters.
func FuzzText(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		text := New(Text).Render(tail.Lines{Text: in})
		if err := printable(text); err != nil {
			t.Fatal(err)
		}
		colours := New(ANSI).Render(tail.Lines{Text: in})
		bare := New(Text).Render(tail.Lines{Text: colours})
		if !bytes.Equal(bare, text) {
			t.Fatalf("text %q, colours without colours %q", text, bare)
		}
		for rest := colours; ; {
			_, after, found := bytes.Cut(rest, []byte{esc})
			if !found {
				break
			}
			end := bytes.IndexByte(after, 'm')
			if end < 1 || after[0] != '[' || strings.Trim(string(after[1:end]), "0123456789;") != "" {
				t.Fatalf("a sequence that is not SGR in %q", colours)
			}
			rest = after[end+1:]
		}
		shownInHTML, err := view(string(New(HTML).Render(tail.Lines{Text: in})))
		if err != nil {
			t.Fatal(err)
		}
		var chars []rune
		for _, s := range shownInHTML {
			chars = append(chars, s.char)
		}
		if string(chars) != string(text) {
			t.Fatalf("text %q, HTML shows %q", text, string(chars))
		}
	})
}

func printable(text []byte) error {
	if !utf8.Valid(text) {
		return fmt.Errorf("not UTF-8: %q", text)
	}
	for _, c := range string(text) {
		if (c < ' ' && c != '\n' && c != '\t') || (0x7f <= c && c < 0xa0) {
			return fmt.Errorf("control character %U in %q", c, text)
		}
	}
	return nil
}

func TestSuspect_EveryByte_AgreesWithTheClasses(t *testing.T) {
	for c := range 256 {
		for at := range 8 {
			word := []byte("abcdefgh")
			word[at] = byte(c)
			w := uint64(0)
			for i, b := range word {
				w |= uint64(b) << (8 * i)
			}
			want := htmlClasses[c] == classText && c != '\n' && c != '\t'
			if got := suspect(w) == 0; got != want || !want && bits.TrailingZeros64(suspect(w))/8 != at {
				t.Errorf("byte %#x at %d: got %v, want %v", c, at, got, want)
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	loguru := "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa\n"
	for _, c := range []struct{ name, line string }{
		{"plain", "2020-09-17 08:59:00.123 INFO worker 12 handled request 4711 in 23.5 ms, status 200, 1834 bytes, cache hit, user anonymous\n"},
		{"loguru", loguru},
		{"colours", "\x1b[32m2020-09-17 08:59:00.123\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[36m__main__\x1b[0m:\x1b[36m<module>\x1b[0m - \x1b[1mhello\x1b[0m\n"},
		{"chinese", "你好世界你好世界你好世界你好世界你好世界你好世界你好世界你好世界\n"},
		{"hostile", "\x1b[1ma\x1b[2mb"},
		{"unended", "\x1b]"},
	} {
		text := bytes.Repeat([]byte(c.line), tail.MaxBatch/len(c.line))
		for _, f := range []Format{HTML, Text} {
			b.Run(c.name+"/"+f.String(), func(b *testing.B) {
				r := New(f)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					r.Render(tail.Lines{Text: text})
				}
			})
		}
	}
}
