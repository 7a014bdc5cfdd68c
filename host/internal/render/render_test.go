package render

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

func lines(text string) tail.Lines { return tail.Lines{Text: []byte(text)} }

func piece(text string, p tail.Piece) tail.Lines {
	return tail.Lines{Text: []byte(text), Piece: p}
}

func TestHTML_CasesOfTheReference_LookTheSame(t *testing.T) {
	data, err := os.ReadFile("testdata/ansi2html.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Name, Input, HTML string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 20 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			want, err := view(c.HTML)
			if err != nil {
				t.Fatalf("reference: %v", err)
			}
			out := string(New(HTML).Render(lines(c.Input)))
			got, err := view(out)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", out, c.HTML)
			}
		})
	}
}

func TestHTML_Sequences(t *testing.T) {
	const red, end = `<span style="color: #aa0000">`, `</span>`
	for _, c := range []struct{ name, in, want string }{
		{"colours with colons", "\x1b[38:2:1:2:3ma\x1b[38:2::4:5:6mb\x1b[38:5:208mc", `<span style="color: #010203">a</span><span style="color: #040506">b</span><span style="color: #ff8700">c</span>`},
		{"palette from 256", "\x1b[38;5;1ma\x1b[48;5;12mb", red + `a</span><span style="background-color: #5c5cff; color: #aa0000">b</span>`},
		{"a colour out of range is skipped", "\x1b[38;5;256ma\x1b[38;2;0;0;999mb", "ab"},
		{"what follows a colour is obeyed", "\x1b[38;5;1;1ma", `<span style="font-weight: bold; color: #aa0000">a</span>`},
		{"an unfinished colour", "\x1b[38ma\x1b[38;5mb\x1b[38;2;1mc\x1b[48;mb", "abcb"},
		{"a colour of the underline is skipped", "\x1b[58;5;9;31ma", red + "a" + end},
		{"waves and no waves", "\x1b[4:3ma\x1b[4:0mb", `<span style="text-decoration: underline">a</span>b`},
		{"several decorations", "\x1b[4;9;5ma", `<span style="text-decoration: underline line-through blink">a</span>`},
		{"inverse and back", "\x1b[31;7ma\x1b[27mb", `<span style="background-color: #aa0000; color: #000000">a</span>` + red + "b" + end},
		{"an empty parameter resets", "\x1b[31ma\x1b[;mb", red + "a" + end + "b"},
		{"unknown codes are skipped", "\x1b[31;73;999999999999999999999ma", red + "a" + end},
		{"private sequences are not colours", "\x1b[>31ma\x1b[?31mb\x1b[31 mc", "abc"},
		{"cursor and erase", "a\x1b[2Kb\x1b[10;20Hc\x1b[?25ld", "abcd"},
		{"two-character escapes", "a\x1b7b\x1bMc\x1b(Bd\x1b#8e", "abcde"},
		{"title ended by BEL", "a\x1b]0;evil title\ab", "ab"},
		{"title ended by ST", "a\x1b]0;evil title\x1b\\b", "ab"},
		{"link", "\x1b]8;;http://evil.test/\x1b\\text\x1b]8;;\x1b\\ on", "text on"},
		{"device control", "a\x1bP1$q\x07m\x1b\\b", "ab"},
		{"privacy and application", "a\x1b^secret\x1b\\b\x1b_G payload\x1b\\c\x1bXsos\x1b\\d", "abcd"},
		{"C1 introducers", "a\u009b31mb\u009b0mc\u009d0;title\u009cd\u0090q\u009ce\u0085f", "a" + red + "b" + end + "cdef"},
		{"a newline ends any sequence", "a\x1b]0;never ended\nb\x1b[31\nc\x1b\nd\x1bP\ne", "a\nb\nc\nd\ne"},
		{"CAN cancels", "a\x1b[31\x18mb", "amb"},
		{"a sequence within a sequence", "a\x1b]0;x\x1b[31mb", "a" + red + "b" + end},
		{"ESC ESC", "a\x1b\x1b[31mb", "a" + red + "b" + end},
		{"control characters", "a\x00b\ac\bd\x7fe\rf\r\ng\v", "abcdef\ng"},
		{"invalid UTF-8", "a\xff\xc3b\xe4\xbd", "a\uFFFD\uFFFDb\uFFFD\uFFFD"},
		{"surrogates and overlong", "\xed\xa0\x80\xc0\xbc", strings.Repeat("\uFFFD", 5)},
		{"an invalid byte ends a control sequence", "\x1b[31\xffm", "\uFFFDm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(New(HTML).Render(lines(c.in))); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestHTML_StateOverBatches_EachStandsByItself(t *testing.T) {
	r := New(HTML)
	for _, step := range []struct{ in, want string }{
		{"\x1b[31mred\n", "<span style=\"color: #aa0000\">red\n</span>"},
		{"still red\n", "<span style=\"color: #aa0000\">still red\n</span>"},
		{"\x1b[0mplain\n", "plain\n"},
		{"half a sequence \x1b[3", "half a sequence "},
		{"2mgreen\x1b[0m\n", "<span style=\"color: #00aa00\">green</span>\n"},
		{"title \x1b]0;not", "title "},
		{" shown\x1b", ""},
		{"\\end\n", "end\n"},
	} {
		if got := string(r.Render(lines(step.in))); got != step.want {
			t.Errorf("%q: got %q, want %q", step.in, got, step.want)
		}
	}
}

func TestHTML_RuneCutBetweenPieces_IsJoined(t *testing.T) {
	const text = "a你\u009b31mé😀"
	want := string(New(HTML).Render(lines(text)))
	for cut := 1; cut < len(text); cut++ {
		r := New(HTML)
		first := r.Render(piece(text[:cut], tail.PieceFirst))
		if held := r.Held(); held > 3 || !utf8.Valid(first) {
			t.Errorf("cut at %d: holds %d bytes, showed %q", cut, held, first)
		}
		got := string(first) + string(r.Render(piece(text[cut:], tail.PieceLast)))
		gotView, err := view(got)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		wantView, _ := view(want)
		if !slices.Equal(gotView, wantView) {
			t.Errorf("cut at %d: got %q, want %q", cut, got, want)
		}
		if r.Held() != 0 {
			t.Errorf("cut at %d: holds %d bytes after the last piece", cut, r.Held())
		}
	}
}

func TestHTML_RuneCutAndNeverEnded_IsReplaced(t *testing.T) {
	r := New(HTML)
	got := string(r.Render(piece("a\xe4\xbd", tail.PieceFirst)))
	got += string(r.Render(tail.Gap{Cause: tail.CauseTruncated, Certain: true}))
	if !strings.HasPrefix(got, "a\uFFFD\uFFFD\n<font") {
		t.Errorf("got %q", got)
	}
}

func TestHTML_SequenceWithoutEnd_HidesAtMostFourKiB(t *testing.T) {
	out := New(HTML).Render(lines("\x1b]0;" + strings.Repeat("x", 3*maxSequence)))
	if hidden := 3*maxSequence - len(out); hidden > maxSequence {
		t.Errorf("%d bytes are hidden", hidden)
	}
}

func TestRender_Gap_StandsOnALineOfItsOwn(t *testing.T) {
	three, few := int64(3), int64(100)
	gap := tail.Gap{Cause: tail.CauseDeleted, Certain: true, Generations: &three, MinBytes: &few}
	const text = "Lines are missing here: a rotated file was deleted before it could be opened (3 rotated files, at least 100 bytes)"
	for _, c := range []struct {
		format        Format
		before, after string
	}{
		{HTML, `<font color="red"><strong>`, "</strong></font>\n"},
		{ANSI, "\x1b[1;31m", "\x1b[0m\n"},
		{Text, "", "\n"},
	} {
		r := New(c.format)
		r.Render(lines("no line ending"))
		if got, want := string(r.Render(gap)), "\n"+c.before+text+c.after; got != want {
			t.Errorf("%v in a line: got %q, want %q", c.format, got, want)
		}
		r.Render(lines("a line\n"))
		if got, want := string(r.Render(gap)), c.before+text+c.after; got != want {
			t.Errorf("%v between lines: got %q, want %q", c.format, got, want)
		}
	}
}

func TestGapText_UnknownAmount_SaysSo(t *testing.T) {
	got := GapText(tail.Gap{Cause: tail.CauseCopyWindow})
	if !strings.HasPrefix(got, "Lines may be missing here: ") || !strings.HasSuffix(got, "(how much is unknown)") {
		t.Errorf("got %q", got)
	}
}

func TestNotice_HostileText_StaysOneLineWithoutMarkup(t *testing.T) {
	got := Notice(HTML, "a<script>\n\x1b]0;t\a&\xff")
	const want = `<font color="red"><strong>a&lt;script&gt;]0;t&amp;` + "\uFFFD</strong></font>"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRender_BoundaryInALine_EndsTheLine(t *testing.T) {
	r := New(Text)
	if got := r.Render(tail.Boundary{}); got != nil {
		t.Errorf("at the start: got %q", got)
	}
	r.Render(lines("last line of the old file"))
	if got := string(r.Render(tail.Boundary{})); got != "\n" {
		t.Errorf("in a line: got %q", got)
	}
	if got := r.Render(tail.Truncated{}); got != nil {
		t.Errorf("after a line: got %q", got)
	}
}

func TestRender_CaughtUp_IsNothing(t *testing.T) {
	if got := New(HTML).Render(tail.CaughtUp{}); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestANSI_KeepsColoursAlone(t *testing.T) {
	r := New(ANSI)
	got := string(r.Render(lines("<a> \x1b[1;31mred\x1b[2J\x1b]0;title\a on\n")))
	if want := "<a> \x1b[0;1;31mred on\x1b[0m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = string(r.Render(lines("\x1b[38;2;1;2;3;48;5;200;95mx\x1b[m\n")))
	if want := "\x1b[0;1;95;48;5;200mx\x1b[0m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestANSI_EveryLineStandsByItself(t *testing.T) {
	r := New(ANSI)
	got := string(r.Render(lines("\x1b[31mone\n\ntwo\n"))) + string(r.Render(lines("three")))
	if want := "\x1b[0;31mone\x1b[0m\n\n\x1b[0;31mtwo\x1b[0m\n\x1b[0;31mthree\x1b[0m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestANSI_RenderedAgain_IsTheSame(t *testing.T) {
	const in = "\x1b[1;3;4;7;8;9;5;38;2;1;2;3;104ma\x1b[2;23;38;5;7;48;5;250mb\x1b[39;49mc\x1b[0md\n"
	once := string(New(ANSI).Render(lines(in)))
	if twice := string(New(ANSI).Render(lines(once))); twice != once {
		t.Errorf("once %q, twice %q", once, twice)
	}
	direct, via := New(HTML).Render(lines(in)), New(HTML).Render(lines(once))
	if string(direct) != string(via) {
		t.Errorf("direct %q, by way of ANSI %q", direct, via)
	}
}

func TestText_DropsColours(t *testing.T) {
	got := string(New(Text).Render(lines("<a> \x1b[1;31mred\x1b[0m & on\r\n")))
	if want := "<a> red & on\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLines_NothingToChange_IsTheTextItself(t *testing.T) {
	l := lines("plain 你好\n")
	if got := New(HTML).Render(l); &got[0] != &l.Text[0] {
		t.Error("the text was copied")
	}
	if n := testing.AllocsPerRun(100, func() { New(Text).Lines(nil, l) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseFormat_NamesItself(t *testing.T) {
	for _, f := range []Format{HTML, ANSI, Text} {
		if got, ok := ParseFormat(f.String()); !ok || got != f {
			t.Errorf("%v: got %v, %v", f, got, ok)
		}
	}
	if _, ok := ParseFormat("HTML"); ok {
		t.Error("upper case is accepted")
	}
}
