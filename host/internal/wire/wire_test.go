package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/plugin/tail"
)

var raw = Format{Raw: true}

func position(offset int64) tail.Position { return tail.Position{Generation: "g", Offset: offset} }

// decoded is a lines message as a client reads it.
type decoded struct {
	T, Start, End, Text, Piece string
	At                         []int64
}

func decodeLines(t *testing.T, message []byte) decoded {
	t.Helper()
	var d decoded
	if err := json.Unmarshal(message, &d); err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	return d
}

func batch(text string) tail.Lines {
	return tail.Lines{Start: position(100), End: position(100 + int64(len(text))), Text: []byte(text)}
}

func TestRenderer_RawText_IsWhatStandsInTheLog(t *testing.T) {
	const text = "a\tb \"quoted\" back\\slash <b> \x1b[31mred\x1b[0m\r\n\x00\x01\x7f 你好 😀\u2028\n"
	d := decodeLines(t, NewRenderer(raw).Render(batch(text)))
	if d.Text != text || d.At != nil || d.Start != "g.100" {
		t.Errorf("got %+v", d)
	}
}

func TestRenderer_InvalidUTF8_IsReplacedAndLinesKeepTheirPlaces(t *testing.T) {
	d := decodeLines(t, NewRenderer(raw).Render(batch("a\xff\xfe\nb\n")))
	if d.Text != "a\uFFFD\uFFFD\nb\n" || len(d.At) != 2 || d.At[0] != 0 || d.At[1] != 4 {
		t.Errorf("got %+v", d)
	}
}

func TestRenderer_FilteredLines_SayWhereTheyStand(t *testing.T) {
	l := batch("one\nthree\n")
	l.Offsets = []uint32{0, 8}
	d := decodeLines(t, NewRenderer(raw).Render(l))
	if len(d.At) != 2 || d.At[1] != 8 {
		t.Errorf("got %+v", d)
	}
}

func TestRenderer_RenderedText_SaysWhereLinesStandIfItChangedThem(t *testing.T) {
	r := NewRenderer(Format{As: render.ANSI})
	d := decodeLines(t, r.Render(batch("\x1b]0;title\aone\r\n\x1b[31mtwo\nthree\x1b[0m\n")))
	if d.Text != "one\n\x1b[0;31mtwo\x1b[0m\n\x1b[0;31mthree\x1b[0m\n" {
		t.Errorf("got %q", d.Text)
	}
	if want := []int64{0, 15, 24}; len(d.At) != 3 || d.At[1] != want[1] || d.At[2] != want[2] {
		t.Errorf("got %v, want %v", d.At, want)
	}
	if d := decodeLines(t, r.Render(batch("plain\n"))); d.At != nil {
		t.Errorf("unchanged text has at %v", d.At)
	}
}

func TestRenderer_RuneCutBetweenPieces_ComesWholeAndPositionsFollow(t *testing.T) {
	const text = "你好😀é\n"
	for _, format := range []Format{raw, {As: render.Text}, {As: render.ANSI}, {As: render.HTML}} {
		for cut := 1; cut < len(text); cut++ {
			r := NewRenderer(format)
			first := tail.Lines{Start: position(0), End: position(int64(cut)), Text: []byte(text[:cut]), Piece: tail.PieceFirst}
			last := tail.Lines{Start: position(int64(cut)), End: position(int64(len(text))), Text: []byte(text[cut:]), Piece: tail.PieceLast}
			a, b := decodeLines(t, r.Render(first)), decodeLines(t, r.Render(last))
			if a.Text+b.Text != text || a.End != b.Start || a.Piece != "first" || b.Piece != "last" {
				t.Errorf("%v cut at %d: got %+v, %+v", format, cut, a, b)
			}
			if end, _ := tail.ParsePosition(a.End); end.Offset != int64(len(a.Text)) {
				t.Errorf("%v cut at %d: %q ends at %d", format, cut, a.Text, end.Offset)
			}
			if string(last.Text) != text[cut:] {
				t.Errorf("%v cut at %d: the event was changed", format, cut)
			}
		}
	}
}

func TestRenderer_LineBrokenOff_DoesNotLeakIntoTheNext(t *testing.T) {
	for _, format := range []Format{raw, {As: render.Text}} {
		r := NewRenderer(format)
		r.Render(tail.Lines{Start: position(0), End: position(2), Text: []byte("a\xe4"), Piece: tail.PieceFirst})
		r.Render(tail.Gap{Cause: tail.CauseTruncated})
		d := decodeLines(t, r.Render(tail.Lines{Start: position(0), End: position(3), Text: []byte("\xbd\xa0\n")}))
		if d.Start != "g.0" || d.Text != "\uFFFD\uFFFD\n" {
			t.Errorf("%v: got %+v", format, d)
		}
	}
}

func TestDecode_Messages(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Message
	}{
		{`{"t":"pong","id":7}`, Pong{7}},
		{` {"id":9007199254740992,"t":"ping"} `, Ping{1 << 53}},
		{`{"t":"read","id":1,"at":"g.100.c0ffee","backward":true,"lines":500}`, Read{1, tail.Position{Generation: "g", Offset: 100, Check: "c0ffee"}, time.Time{}, true, 500}},
		{`{"t":"read","id":1,"at":"g.0","lines":10000}`, Read{1, position(0), time.Time{}, false, 10000}},
	} {
		got, err := Decode([]byte(c.in))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", c.in, got, err)
		}
	}
	got, err := Decode([]byte(`{"t":"filter","id":2,"include":["a","b"],"exclude":["c"]}`))
	if f, ok := got.(Filter); err != nil || !ok || f.ID != 2 || strings.Join(f.Filter.Include, " ") != "a b" || strings.Join(f.Filter.Exclude, " ") != "c" {
		t.Errorf("filter: got %v, %v", got, err)
	}
	if got, err := Decode([]byte(`{"t":"filter","id":2}`)); err != nil || !got.(Filter).Filter.IsZero() {
		t.Errorf("empty filter: got %v, %v", got, err)
	}
}

func TestDecode_NoMessageAtAll_IsMalformed(t *testing.T) {
	for _, in := range []string{
		"", "pong", "7", "null", "[]", `"t"`, `{}`, `{"t":"pong"}`, `{"t":"pong","id":0}`, `{"t":"pong","id":-1}`, `{"t":"pong","id":1.5}`,
		`{"t":"pong","id":9007199254740993}`, `{"t":"pong","id":"7"}`, `{"t":"bye","id":1}`, `{"t":"pong","id":1}{"t":"pong","id":2}`,
		`{"t":"pong","id":1} x`, "{\"t\":\"pong\",\"id\":1,\"x\":\"\xff\"}", `{"t":"ping","id":1,"x":"` + strings.Repeat("x", MaxFrame) + `"}`,
		strings.Repeat("[", MaxFrame),
	} {
		if got, err := Decode([]byte(in)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60q: got %v, %v", in, got, err)
		}
	}
}

func TestDecode_BadRequest_NamesTheRequestAndWhatToDo(t *testing.T) {
	for in, want := range map[string]string{
		`{"t":"read","id":3}`:                                                   "at and lines",
		`{"t":"read","id":3,"at":"g.1","lines":0}`:                              "from 1 to 10000",
		`{"t":"read","id":3,"at":"g.1","lines":10001}`:                          "from 1 to 10000",
		`{"t":"read","id":3,"at":"nowhere","lines":1}`:                          "position",
		`{"t":"read","id":3,"at":"../etc.1","lines":1}`:                         "position",
		`{"t":"read","id":3,"at":"g.1","lines":1,"limit":2}`:                    `There is no key "limit"`,
		`{"t":"read","id":3,"at":"g.1","LINES":1}`:                              `There is no key "LINES"`,
		`{"t":"pong","id":3,"ID":4}`:                                            `There is no key "ID"`,
		`{"t":"ping","id":3,"id":3}`:                                            "twice",
		`{"t":"read","id":3,"at":7,"lines":1}`:                                  "wrong type",
		`{"t":"read","id":3,"at":"g.1","lines":1,"include":[]}`:                 "include",
		`{"t":"pong","id":3,"lines":1}`:                                         "lines",
		`{"t":"read","id":3,"at":"g.1","time_ms":1,"lines":1}`:                  "at and lines, or time_ms",
		`{"t":"read","id":3,"time_ms":-1,"lines":1}`:                            "time_ms must be a time",
		`{"t":"search","id":3,"include":["x"]}`:                                 "matches, from 1 to 1000",
		`{"t":"search","id":3,"include":["x"],"matches":1001}`:                  "matches, from 1 to 1000",
		`{"t":"search","id":3,"include":["("],"matches":1}`:                     "RE2",
		`{"t":"search","id":3,"matches":1,"bucket_ms":1}`:                       "no key bucket_ms",
		`{"t":"search","id":3,"matches":1,"at":"x"}`:                            "position",
		`{"t":"search","id":3,"matches":1,"bytes":0}`:                           "bytes must be from 1",
		`{"t":"count","id":3}`:                                                  "bucket_ms, from 1",
		`{"t":"count","id":3,"bucket_ms":0}`:                                    "bucket_ms, from 1",
		`{"t":"count","id":3,"bucket_ms":1,"matches":1}`:                        "no key matches",
		`{"t":"count","id":3,"bucket_ms":1,"since_ms":5,"until_ms":5}`:          "since_ms must be before",
		`{"t":"count","id":3,"bucket_ms":1,"until_ms":9007199254740991}`:        "until_ms must be a time",
		`{"t":"cancel","id":3,"lines":1}`:                                       "no key lines",
		`{"t":"filter","id":3,"include":["("]}`:                                 "RE2",
		`{"t":"filter","id":3,"include":[""]}`:                                  "empty",
		`{"t":"filter","id":3,"exclude":"x"}`:                                   "wrong type",
		`{"t":"filter","id":3,"include":["a{1000}b"]}`:                          "too costly",
		`{"t":"filter","id":3,"include":["1","2","3","4","5","6","7","8","9"]}`: "8 patterns",
		`{"t":"filter","id":3,"include":["` + strings.Repeat("x", 257) + `"]}`:  "257 bytes",
	} {
		_, err := Decode([]byte(in))
		bad := (*RequestError)(nil)
		if !errors.As(err, &bad) || bad.ID != 3 || !strings.Contains(bad.Message, want) || !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("%.60s: got %v, want %q", in, err, want)
		}
	}
}

func TestCheckFilter_HostilePatterns_AreRefusedQuickly(t *testing.T) {
	start := time.Now()
	for _, p := range []string{
		"a{1000}b", "(?:a|b|c){1,300}z", strings.Repeat("a{1000}", 36), strings.Repeat("(", 256), strings.Repeat("(x{9}){9}", 28), `(((a{30}){30}){30})`,
		strings.Repeat("a?", 128) + "b{999}", `[` + strings.Repeat(`\pL\PN`, 40) + `]{500}`, "(?i)" + strings.Repeat("k{1,100}", 31),
	} {
		if err := CheckFilter(tail.Filter{Include: []string{p}}); !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("%.40q: got %v", p, err)
		}
	}
	t.Logf("took %v", time.Since(start))
	for _, p := range []string{"error", "(?i)error|warn(ing)?", `^\d{4}-\d\d-\d\d .*\bfailed\b`, `你好`, `user=[^ ]{1,40} status=5\d\d`} {
		if err := CheckFilter(tail.Filter{Include: []string{p}, Exclude: []string{p}}); err != nil {
			t.Errorf("%q: got %v", p, err)
		}
	}
}

func TestCloses_CodesAreTheRule(t *testing.T) {
	seen := map[int]bool{}
	for i, c := range Closes {
		if seen[c.Code] || (i > 0 && c.Code < Closes[i-1].Code) {
			t.Errorf("%d is there twice or out of order", c.Code)
		}
		seen[c.Code] = true
		invited := c.Code == 1001 || c.Code == 1011 || (4000 <= c.Code && c.Code <= 4499)
		if c.Reconnect != invited {
			t.Errorf("%d says reconnect %v", c.Code, c.Reconnect)
		}
		if len(c.Reason) > 123 || c.Reason == "" || c.Meaning == "" || (c.After > 0 && !c.Reconnect) {
			t.Errorf("%d: %+v", c.Code, c)
		}
	}
}

func TestCloseFor_EveryRefusalOfATailer_HasItsOwn(t *testing.T) {
	seen := map[Close]error{}
	for _, err := range []error{
		tail.ErrNotAllowed, tail.ErrNotFound, tail.ErrNotRegular, tail.ErrUnreadable, tail.ErrPositionGone, tail.ErrBadRequest, tail.ErrUnsupported,
		tail.ErrTooMany, errors.New("anything else"),
	} {
		c := CloseFor(errors.Join(errors.New("open /var/log/secret"), err))
		if seen[c] != nil {
			t.Errorf("%v and %v both end with %d", err, seen[c], c.Code)
		}
		seen[c] = err
	}
}

func TestErrorText_RepeatsNoInnards(t *testing.T) {
	err := errors.Join(errors.New("open /etc/shadow: permission denied"), tail.ErrNotAllowed)
	for _, text := range []string{ErrorText(err), PlainRefusal(err)} {
		if strings.Contains(text, "shadow") {
			t.Errorf("got %q", text)
		}
	}
	if got := ErrorText(&RequestError{Message: "Say it otherwise."}); got != "Say it otherwise." {
		t.Errorf("got %q", got)
	}
}

func TestPlainRenderer_ContentThatLooksLikeAPing_IsToldApart(t *testing.T) {
	r := NewPlainRenderer(render.Text)
	if got := string(r.Render(batch("ping"))); got != "ping\n" {
		t.Errorf("got %q", got)
	}
	if got := r.Render(tail.Boundary{}); got != nil {
		t.Errorf("then %q", got)
	}
	if got := string(r.Render(batch("ping\n"))); got != "ping\n" {
		t.Errorf("got %q", got)
	}
}

func TestPlainRefusal_IsTheReferencesWords(t *testing.T) {
	for err, want := range map[error]string{
		tail.ErrNotAllowed: `<font color="red"><strong>Forbidden</strong></font>`,
		tail.ErrNotFound:   `<font color="red"><strong>Not found</strong></font>`,
		tail.ErrNotRegular: `<font color="red"><strong>Not found</strong></font>`,
		tail.ErrBadRequest: `<font color="red"><strong>Fail to parse URL</strong></font>`,
	} {
		if got := PlainRefusal(err); got != want {
			t.Errorf("%v: got %s", err, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"t":"pong","id":7}`))
	f.Add([]byte(`{"t":"read","id":1,"at":"g.100.c0","backward":true,"lines":500}`))
	f.Add([]byte(`{"t":"filter","id":2,"include":["a{2,3}"],"exclude":["(?i)x"]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := Decode(in)
		bad := (*RequestError)(nil)
		switch {
		case err == nil && m == nil, err != nil && m != nil:
			t.Fatalf("message %v with error %v", m, err)
		case err != nil && !errors.Is(err, ErrMalformed) && (!errors.As(err, &bad) || bad.ID < 1 || bad.Message == ""):
			t.Fatalf("got %v", err)
		}
		if r, ok := m.(Read); ok && (r.Lines < 1 || r.Lines > MaxPageLines || r.At.IsZero()) {
			t.Fatalf("got %+v", r)
		}
		if fm, ok := m.(Filter); ok && CheckFilter(fm.Filter) != nil {
			t.Fatalf("got %+v", fm)
		}
	})
}

// FuzzRender checks that a message is JSON whatever the text, that valid text survives exactly, and that other text loses only what is
// not UTF-8.
func FuzzRender(f *testing.F) {
	f.Add([]byte("a\n\"b\\\x00\x1f\x7f 你\n"), uint8(0), uint8(2))
	f.Add([]byte("\xff\xe4\xbd"), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, format, cut uint8) {
		formats := []Format{raw, {As: render.HTML}, {As: render.ANSI}, {As: render.Text}}
		r := NewRenderer(formats[int(format)%len(formats)])
		message := r.Render(tail.Lines{Start: position(0), End: position(int64(len(in))), Text: in})
		d := decodeLines(t, message)
		if want := max(bytes.Count(in, []byte("\n")), 1); d.At != nil && len(d.At) < want {
			t.Fatalf("%d starts for %d lines: %s", len(d.At), want, message)
		}
		if int(format)%len(formats) != 0 {
			return
		}
		want := strings.ToValidUTF8(string(in), "")
		if got := strings.ReplaceAll(d.Text, "\uFFFD", ""); got != strings.ReplaceAll(want, "\uFFFD", "") {
			t.Fatalf("got %q of %q", d.Text, in)
		}
		if utf8.Valid(in) && d.Text != string(in) {
			t.Fatalf("got %q of %q", d.Text, in)
		}
		at := min(int(cut), len(in))
		r = NewRenderer(raw)
		a := decodeLines(t, r.Render(tail.Lines{Start: position(0), End: position(int64(at)), Text: in[:at], Piece: tail.PieceFirst}))
		b := decodeLines(t, r.Render(tail.Lines{Start: position(int64(at)), End: position(int64(len(in))), Text: in[at:], Piece: tail.PieceLast}))
		if a.Text+b.Text != d.Text || a.End != b.Start {
			t.Fatalf("cut at %d: got %+v, %+v, want %q", at, a, b, d.Text)
		}
	})
}

func BenchmarkRenderer(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"plain", "2020-09-17 08:59:00.123 INFO worker 12 handled request 4711 in 23.5 ms, status 200, 1834 bytes, cache hit, user anonymous\n"},
		{"loguru", "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa\n"},
		{"quotes", `{"time":"2020-09-17","level":"info","msg":"hello"}` + "\n"},
		{"control", "\x00\x01"},
	} {
		text := bytes.Repeat([]byte(c.line), tail.MaxBatch/len(c.line))
		b.Run(c.name, func(b *testing.B) {
			r := NewRenderer(raw)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			into := make([]byte, 0, tail.MaxBatch*3/2) // The hub uses memory again.
			for b.Loop() {
				r.RenderInto(into, tail.Lines{Start: position(0), End: position(int64(len(text))), Text: text})
			}
		})
	}
}
