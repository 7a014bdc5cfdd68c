package dockerlogs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon keeps the log of one container as Docker does.
type daemon struct {
	t        *testing.T
	dir      string
	name, id string
	rotated  int
}

func newDaemon(t *testing.T, dir, name, digit string) *daemon {
	return &daemon{t: t, dir: dir, name: name, id: strings.Repeat(digit, idLength)}
}

func (d *daemon) Name() string { return d.name }

// Reads implements an optional method of [tailtest.Log]: JSON holds no bytes that are no text.
func (d *daemon) Reads(text string) string { return valid(text) }

func (d *daemon) file() string { return filepath.Join(d.dir, d.id, d.id+"-json.log") }

func (d *daemon) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// create does what the start of a container does.
func (d *daemon) create() {
	d.t.Helper()
	if _, err := os.Stat(d.file()); err == nil {
		return
	}
	d.must(os.MkdirAll(filepath.Dir(d.file()), 0o700))
	config, err := json.Marshal(map[string]any{"ID": d.id, "Name": d.name, "State": map[string]bool{"Running": true}})
	d.must(err)
	d.must(os.WriteFile(filepath.Join(d.dir, d.id, "config.v2.json"), config, 0o600))
	d.must(os.WriteFile(d.file(), nil, 0o640))
}

// Append writes to standard output.
func (d *daemon) Append(text string) {
	d.t.Helper()
	d.create()
	d.write("stdout", text)
}

// write writes entries of at most 16 KiB.
func (d *daemon) write(stream, text string) {
	d.t.Helper()
	var out bytes.Buffer
	for len(text) > 0 {
		n := min(len(text), 16<<10)
		for n < len(text) && n > 1 && !utf8.RuneStart(text[n]) {
			n--
		}
		if i := strings.IndexByte(text[:n], '\n'); i >= 0 {
			n = i + 1
		}
		// What Docker's own encoder writes: it escapes like encoding/json.
		d.must(json.NewEncoder(&out).Encode(struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}{text[:n], stream, time.Now().UTC()}))
		text = text[n:]
	}
	f, err := os.OpenFile(d.file(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	d.must(err)
	_, err = f.Write(out.Bytes())
	d.must(err)
	d.must(f.Close())
}

// Rotate does what the driver does at max-size.
func (d *daemon) Rotate() {
	d.t.Helper()
	for i := d.rotated; i >= 1; i-- {
		d.must(os.Rename(fmt.Sprintf("%s.%d", d.file(), i), fmt.Sprintf("%s.%d", d.file(), i+1)))
	}
	d.rotated++
	d.must(os.Rename(d.file(), d.file()+".1"))
	d.must(os.WriteFile(d.file(), nil, 0o640))
}

// Truncate does what people do to get their disk back.
func (d *daemon) Truncate() {
	d.t.Helper()
	d.must(os.Truncate(d.file(), 0))
}

// remove does what docker rm does.
func (d *daemon) remove() {
	d.t.Helper()
	d.must(os.RemoveAll(filepath.Dir(d.file())))
}

func newTailer(t *testing.T, dir string) *Tailer {
	t.Helper()
	dt, err := New(Config{Dir: dir, Version: "test", Poll: 10 * time.Millisecond, Names: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dt.Close() })
	return dt
}

func TestTailer_KeepsTheContract(t *testing.T) {
	tailtest.Run(t, func(t *testing.T) (tail.Tailer, tailtest.Log) {
		dir := t.TempDir()
		return newTailer(t, dir), newDaemon(t, dir, "/web", "a")
	})
}

// followed follows a log until the text ends with end, and returns the text and what else came.
func followed(t *testing.T, dt tail.Tailer, req tail.FollowRequest, end string, after func(n int, text string)) (text string, events []tail.Event) {
	t.Helper()
	req.Follow = true
	n := 0
	for e, err := range dt.Follow(t.Context(), req) {
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		switch e := e.(type) {
		case tail.Lines:
			text += string(e.Text)
		default:
			events = append(events, e)
		}
		n++
		if after != nil {
			after(n, text)
		}
		if strings.HasSuffix(text, end) {
			break
		}
	}
	return text, events
}

func TestFollow_BothStreamsOfAContainer_LinesStayWhole(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(t, dir, "/web", "a")
	d.create()
	long := strings.Repeat("x", 40<<10) + "\n"
	d.write("stdout", long[:20<<10]) // One entry of 16 KiB, one of 4, which a busy daemon may write, too.
	d.write("stdout", long[20<<10:])
	d.write("stderr", "wrong\n")
	d.write("stdout", "begun, ")
	d.write("stderr", "interrupted\n")
	d.write("stdout", "ended\nlast\n")
	want := long + "wrong\nbegun, \ninterrupted\nended\nlast\n"
	text, _ := followed(t, newTailer(t, dir), tail.FollowRequest{Log: "/web", Start: tail.StartAtBeginning()}, "last\n", nil)
	if text != want {
		t.Errorf("got %.80q … %q", text, text[max(0, len(text)-80):])
	}
}

func TestFollow_WhatIsNoEntry_ComesAsItStands(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(t, dir, "/web", "a")
	d.create()
	odd := []string{`{"log":"cut off`, `null`, `{"stream":"stdout"}`, `{"log":7,"stream":"stdout"}`, "", "{}", strings.Repeat("y", 700<<10)}
	f, err := os.OpenFile(d.file(), os.O_WRONLY|os.O_APPEND, 0)
	d.must(err)
	_, err = f.WriteString(strings.Join(odd, "\n") + "\n")
	d.must(err)
	d.must(f.Close())
	d.write("stdout", "fine\n")
	text, _ := followed(t, newTailer(t, dir), tail.FollowRequest{Log: "/web", Start: tail.StartAtBeginning()}, "fine\n", nil)
	if want := strings.Join(odd, "\n") + "\nfine\n"; text != want {
		t.Errorf("got %d bytes, want %d: %.200q", len(text), len(want), text)
	}
}

func TestFollow_LineThatGoesOnInTheNextFile_LosesNothing(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(t, dir, "/web", "a")
	d.Append("one\nbegin")
	d.Rotate()
	d.Append("ning\nlast\n")
	text, events := followed(t, newTailer(t, dir), tail.FollowRequest{Log: "/web", Start: tail.StartAtBeginning()}, "last\n", nil)
	if text != "one\nbeginning\nlast\n" || len(events) != 1 {
		t.Errorf("got %q, %v", text, events)
	}
}

func TestFollow_FilterAndLastLines_AreAboutWhatTheContainerWrote(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(t, dir, "/web", "a")
	for i := range 300 {
		d.Append(fmt.Sprintf("n %d %s\n", i, strings.Repeat("z", i%3*9000)))
	}
	dt := newTailer(t, dir)
	for _, c := range []struct {
		filter tail.Filter
		lines  int64
		want   []int
	}{
		{tail.Filter{Include: []string{"^n [0-9]*0 "}}, 3, []int{270, 280, 290}},
		{tail.Filter{Include: []string{"stdout"}}, 3, nil}, // That is in the file alone.
		{tail.Filter{Exclude: []string{"z"}}, 2, []int{294, 297}},
		{tail.Filter{}, 2, []int{298, 299}},
	} {
		var got []int
		for e, err := range dt.Follow(t.Context(), tail.FollowRequest{Log: "/web", Start: tail.StartAtLastLines(c.lines), Filter: c.filter}) {
			if err != nil {
				t.Fatal(err)
			}
			if l, ok := e.(tail.Lines); ok {
				for text := range strings.Lines(string(l.Text)) {
					var n int
					if _, err := fmt.Sscanf(text, "n %d", &n); err == nil {
						got = append(got, n)
					}
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v, last %d: got %v, want %v", c.filter, c.lines, got, c.want)
		}
	}
}

func TestFollow_ContainerOfTheSameNameIsMadeAnew_TheLogGoesOnThere(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(t, dir, "/web", "a")
	d.Append("old\n")
	dt := newTailer(t, dir)
	for _, next := range []string{"b", "c"} {
		began := false
		text, events := followed(t, dt, tail.FollowRequest{Log: "/web", Start: tail.StartAtLastLines(1)}, next+"\n", func(_ int, text string) {
			if began || text == "" {
				return
			}
			began = true
			d.Append("last words\n")
			d.remove()
			d = newDaemon(t, dir, "/web", next)
			d.Append(next + "\n")
		})
		if !strings.HasSuffix(text, "\nlast words\n"+next+"\n") {
			t.Errorf("got %q", text)
		}
		boundaries := 0
		for _, e := range events {
			if b, ok := e.(tail.Boundary); ok {
				boundaries++
				if b.From.IsZero() || b.To.IsZero() || b.From.Generation == b.To.Generation || b.How != tail.HowReplaced {
					t.Errorf("got %+v", b)
				}
			}
		}
		if boundaries != 1 {
			t.Errorf("%d boundaries in %v", boundaries, events)
		}
	}
}

func TestNames_ListAndFind(t *testing.T) {
	dir := t.TempDir()
	newDaemon(t, dir, "/web", "b").Append("x\n")
	newDaemon(t, dir, "/api_1.old-x", "a").Append("x\n")
	newDaemon(t, dir, "/../../etc", "c").Append("x\n") // Docker gives no such name; whoever wrote it gets nowhere.
	newDaemon(t, dir, "/web", "d").Append("x\n")
	d := newDaemon(t, dir, "/none", "e")
	d.create()
	d.must(os.Remove(d.file())) // Another driver.
	d.must(os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	dt := newTailer(t, dir)
	var names []string
	for e, err := range dt.List(t.Context(), tail.ListRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Log)
	}
	got := strings.Join(names, " ")
	if got != "/api_1.old-x /cccccccccccc /dddddddddddd /web" && got != "/api_1.old-x /bbbbbbbbbbbb /cccccccccccc /web" {
		t.Errorf("got %s", got)
	}
	for log, id := range map[string]string{
		"/web": "", "/api_1.old-x": "a", "/aaaaaaaaaaaa": "a", "/" + strings.Repeat("c", idLength): "c", "/aaaaaaaaaaab": "-", "/etc": "-",
		"/../../etc": "-", "/a": "-", "/": "-", "web": "-",
	} {
		c, err := dt.find(log)
		if (err == nil) == (id == "-") || id != "" && err == nil && !strings.HasPrefix(c.id, id) {
			t.Errorf("%s: got %+v, %v", log, c, err)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"2020-09-17T08:59:00.123456789Z"}` + "\n"))
	f.Add([]byte(`{"log":"\ud800","stream":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e := parseEntry(line)
		if e.stream == "" && !bytes.Equal(e.text, line) {
			t.Errorf("%q became %q", line, e.text)
		}
		if e.stream != "" && (!json.Valid(line) || !utf8.Valid(e.text)) {
			t.Errorf("%q became %q", line, e.text)
		}
	})
}

// valid puts U+FFFD in place of each byte that is no text, as encoders of JSON do.
func valid(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteRune(r)
	}
	return b.String()
}
