package follow

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/tail"
)

func utf16le(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

func utf16be(s string) string {
	b := []byte(utf16le(s))
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

func gbk(s string) string {
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		panic(err)
	}
	return out
}

// T35: characters whose bytes look like newlines (U+0A00, U+010A), and a writer that writes byte by byte.
// assume are the rules by which all logs have one encoding.
func assume(t *testing.T, e encoding.Encoding) perlog.Rules[encoding.Encoding] {
	t.Helper()
	r, err := perlog.Parse([]string{e.String()}, encoding.Parse)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFollow_OtherEncodings_GiveTheSameLines(t *testing.T) {
	text := "first 你好aaa\n\u0a00\u010a\u0a0a false newlines\n\n" + strings.Repeat("你", 30_000) + "\nlast\r\n"
	plainText := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, "\u0a00", "x"), "\u010a", "y"), "\u0a0a", "z")
	for name, c := range map[string]struct {
		encode  func(string) string
		mark    string
		text    string
		assumed encoding.Encoding
	}{
		"utf-16le with mark":    {utf16le, "\xff\xfe", text, encoding.UTF8},
		"utf-16be with mark":    {utf16be, "\xfe\xff", text, encoding.UTF8},
		"utf-16le without mark": {utf16le, "", text, encoding.UTF16LE},
		"gbk":                   {gbk, "", plainText, encoding.GBK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.Encodings = assume(t, c.assumed) })
			raw := c.mark + c.encode(c.text)
			w.write("app.log", raw[:1])
			r := w.follow(tail.StartAtBeginning())
			r.caughtUp()
			for i := 1; i < 80; i++ {
				w.write("app.log", raw[i:i+1])
				r.next(0)
			}
			w.write("app.log", raw[80:])
			r.until(c.text)
			lines := strings.SplitAfter(c.text, "\n")
			for n := range 5 {
				last := w.all(tail.StartAtLastLines(int64(n)))
				if want := strings.Join(lines[5-n:], ""); last.text.String() != want {
					t.Errorf("last %d lines: got %s, want %s", n, brief(last.text.String()), brief(want))
				}
			}
			f := w.open(tail.FollowRequest{Start: tail.StartAtLastLines(2), Filter: tail.Filter{Include: []string{"first|last"}}})
			f.next(patience)
			f.next(patience)
			if got, want := f.text.String(), "first 你好aaa\nlast\r\n"; got != want {
				t.Errorf("filtered: %q, want %q", got, want)
			}
		})
	}
}

// Each line has its address in the file.
func TestFollow_UTF16_OffsetsAreThoseOfTheFile(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "\xff\xfe"+utf16le("one\n二\nthree\n"))
	r := w.open(tail.FollowRequest{Start: tail.StartAtBeginning()})
	ev, _ := r.next(patience)
	l := ev.(tail.Lines)
	if got, want := fmt.Sprint(l.Offsets), "[2 10 14]"; got != want {
		t.Errorf("offsets are %s, want %s", got, want)
	}
	if got := w.all(tail.StartAtPosition(l.Start.Add(10))).text.String(); got != "二\nthree\n" {
		t.Errorf("from the second line: %q", got)
	}
}
