package wire

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/plugin/tail"
)

var update = flag.Bool("update", false, "write the golden files anew")

// document is what people read; its examples are the golden files.
const document = "../../../docs/protocol.md"

func at(offset int64) tail.Position {
	return tail.Position{Generation: "g1", Offset: offset, Check: "9f2c"}
}

// serverExamples is one message of each kind, made by the code that makes them for clients.
func serverExamples() []byte {
	var b bytes.Buffer
	line := func(message []byte) {
		b.Write(message)
		b.WriteByte('\n')
	}
	three, few := int64(3), int64(104857600)
	next := tail.Position{Generation: "g2", Offset: 0}
	r := NewRenderer(Format{Raw: true})
	filtered := tail.Lines{Start: at(120), End: at(300), Text: []byte("error one\nerror two\n"), Offsets: []uint32{0, 131}}
	colours := tail.Lines{Start: at(300), End: at(330), Text: []byte("\x1b[31mred\x1b[0m\x1b[2K\x1b]0;title\aok\r\n")}
	line(AppendHello(nil, Hello{
		Server: "livetail 1.0.0", Session: "7LWIA5QOVDRZC3WUBKMPGZ2T4E", Log: "/var/log/app.log", Interval: 10 * time.Second, Timeout: 5 * time.Second,
		Capabilities: []string{"filter", "history", "scan", "time"}, Zone: "Europe/Berlin", TraceURL: "https://tempo.example.org/trace/{trace_id}",
	}))
	line(r.Render(tail.Lines{Start: at(0), End: at(16), Text: []byte("first\n\"2nd\" \xe4\xbd\xa0\n")}))
	line(r.Render(filtered))
	line(NewRenderer(Format{As: render.ANSI}).Render(colours))
	line(NewRenderer(Format{As: render.HTML}).Render(colours))
	line(r.Render(tail.Lines{Start: at(330), End: at(335), Text: []byte("{\"a\":"), Piece: tail.PieceFirst}))
	line(r.Render(tail.Boundary{From: at(65900), To: next, How: tail.HowRenamed, Order: tail.OrderObserved, Name: "app-2020-09-17T08-59-00.123.log"}))
	line(r.Render(tail.Truncated{From: at(65900), To: next}))
	line(r.Render(tail.Gap{
		Cause: tail.CauseDeleted, Certain: true, After: at(65900), Before: next, Generations: &three, MinBytes: &few,
		Evidence: []string{"app-2020-09-17T09-00-00.000.log appeared and was gone 12 ms later"},
	}))
	line(r.Render(tail.Gap{Cause: tail.CauseCopyWindow, After: at(65900), Before: next}))
	line(r.Render(tail.Late{Lines: tail.Lines{Start: at(65900), End: at(65905), Text: []byte("late\n")}}))
	line(r.Render(tail.CaughtUp{At: next}))
	line(AppendPing(nil, 7, 800*time.Microsecond, 0))
	line(AppendPong(nil, 3))
	line(AppendStatus(nil, "restarting"))
	line(AppendPage(nil, 1, Format{Raw: true}, tail.Page{
		Events: []tail.Event{tail.Lines{Start: at(0), End: at(6), Text: []byte("first\n")}}, Start: at(0), End: at(6), AtBeginning: true,
	}))
	line(AppendFound(nil, 4, tail.ScanReport{
		Matches: []tail.Match{
			{At: at(131), Time: time.UnixMilli(1600333140123), Level: tail.LevelError, Text: []byte("2020-09-17 08:59:00.123 | ERROR | refused")},
			{At: at(0), Text: []byte("refused too, in a line of"), Cut: true},
		},
		At: at(0), Time: time.UnixMilli(1600333140123), Scanned: 172, End: tail.ScanAll,
	}))
	line(AppendCounted(nil, 5, tail.ScanReport{
		Counts: []tail.Count{{Start: 1600333140e9, Lines: [tail.Levels]int64{0, 0, 2, 40, 3, 1, 0}}},
		At:     at(65900), Time: time.UnixMilli(1600333140020), Scanned: 65900, Left: 104857600,
	}))
	line(AppendError(nil, 5, Cancelled, "It was cancelled."))
	line(AppendFiltered(nil, 2))
	line(AppendError(nil, 1, ErrorCode(tail.ErrPositionGone), ErrorText(tail.ErrPositionGone)))
	line(AppendError(nil, 0, ErrorCode(tail.ErrNotAllowed), ErrorText(tail.ErrNotAllowed)))
	line(AppendBye(nil, CloseShutdown, next))
	return b.Bytes()
}

// clientExamples is what the lines of client.jsonl mean.
var clientExamples = []Message{
	Pong{7},
	Ping{3},
	Read{1, tail.Position{Generation: "g1", Offset: 65900, Check: "9f2c"}, time.Time{}, true, 500},
	Read{3, tail.Position{}, time.UnixMilli(1600333140123), false, 500},
	Scan{4, tail.ScanRequest{Backward: true, Filter: tail.Filter{Include: []string{"refused"}}, Matches: 200, Bytes: MaxScanBytes}},
	Scan{5, tail.ScanRequest{
		At: tail.Position{Generation: "g1", Offset: 65900, Check: "9f2c"}, Since: time.UnixMilli(1600329600000), Until: time.UnixMilli(1600336800000),
		Bucket: time.Minute, Bytes: 1 << 26,
	}},
	Cancel{5},
	Filter{2, tail.Filter{Include: []string{"(?i)error|warn"}, Exclude: []string{"healthz"}}},
}

func TestServerMessages_AreTheGoldenFile(t *testing.T) {
	got := serverExamples()
	if *update {
		if err := os.WriteFile("testdata/server.jsonl", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/server.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestClientMessages_AreTheGoldenFile(t *testing.T) {
	lines := golden(t, "client.jsonl")
	if len(lines) != len(clientExamples) {
		t.Fatalf("%d lines for %d messages", len(lines), len(clientExamples))
	}
	for i, line := range lines {
		got, err := Decode([]byte(line))
		if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", clientExamples[i]) {
			t.Errorf("%s: got %#v, %v", line, got, err)
		}
	}
}

func golden(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func readDocument(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDocument_ItsExamplesAreTheGoldenFiles(t *testing.T) {
	examples := map[string]bool{}
	for i, block := range strings.Split(readDocument(t), "```") {
		body, ok := strings.CutPrefix(block, "json\n")
		if i%2 == 0 || !ok {
			continue
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(body, "\n"), "\n") {
			examples[line] = true
		}
	}
	for _, line := range append(golden(t, "server.jsonl"), golden(t, "client.jsonl")...) {
		if !examples[line] {
			t.Errorf("not in the document: %s", line)
		}
		delete(examples, line)
	}
	for line := range examples {
		t.Errorf("in the document alone: %s", line)
	}
}

func TestDocument_ItsTableOfCloseCodesIsOurs(t *testing.T) {
	doc := readDocument(t)
	for _, c := range Closes {
		again := "no"
		if c.Reconnect {
			again = "yes"
			if c.After > 0 {
				again = fmt.Sprintf("yes, after %v", c.After)
			}
		}
		row := fmt.Sprintf("| %d | `%s` | %s | %s |", c.Code, c.Reason, again, c.Meaning)
		if !strings.Contains(doc, row+"\n") {
			t.Errorf("no row %s", row)
		}
	}
}

func TestDocument_ItsLimitsAreOurs(t *testing.T) {
	doc := readDocument(t)
	for _, row := range []string{
		fmt.Sprintf("| message of a client | %d bytes, unless `hello` says otherwise |", MaxFrame),
		fmt.Sprintf("| lines of a page | %d, unless `hello` says otherwise |", MaxPageLines),
		fmt.Sprintf("| patterns of a filter | %d, each of %d bytes, together %d steps of the compiled program |", MaxPatterns, MaxPattern, MaxProgram),
		fmt.Sprintf("| matches of a search | %d |", tail.MaxMatches),
		fmt.Sprintf("| bytes that a search or count looks at | %d,", MaxScanBytes),
		fmt.Sprintf("| path of a log | %d bytes |", tail.MaxPath),
	} {
		if !strings.Contains(doc, row) {
			t.Errorf("no row %s", row)
		}
	}
}

func TestDocument_ItsRefusalsAreOurs(t *testing.T) {
	doc := readDocument(t)
	for _, err := range []error{
		tail.ErrNotAllowed, tail.ErrNotFound, tail.ErrUnreadable, tail.ErrPositionGone, tail.ErrTooMany, tail.ErrBadRequest, tail.ErrUnsupported, os.ErrClosed,
	} {
		if text := PlainRefusal(err); !strings.Contains(doc, "`"+text+"`") {
			t.Errorf("no %s", text)
		}
	}
}
