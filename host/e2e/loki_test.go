package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// entry is one line as Loki's API gives it.
type entry struct {
	at   int64
	line string
}

// lokiMessage is a message of the live tail, or the data of an answer to a query.
type lokiMessage struct {
	Streams, Result []struct {
		Stream map[string]string
		Values [][2]string
	}
}

// entries are those of all streams, in order of their times.
func (m lokiMessage) entries(t *testing.T) (out []entry) {
	t.Helper()
	for _, s := range append(m.Streams, m.Result...) {
		if s.Stream["livetail_event"] != "" {
			t.Errorf("%v: %v", s.Stream, s.Values)
		}
		for _, v := range s.Values {
			at, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, entry{at, v[1]})
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return int(min(1, max(-1, a.at-b.at))) })
	return out
}

// tailClient follows as logcli does: when the socket is cut, it comes back and asks for what it saw last and all that follows. It runs until
// n lines have come.
func tailClient(t *testing.T, addr, query string, n int, seen func(entry)) {
	t.Helper()
	start, last := time.Now().Add(-time.Hour).UnixNano(), entry{}
	deadline := time.Now().Add(patience)
	for got := 0; got < n; {
		q := url.Values{"query": {query}, "start": {fmt.Sprint(start)}, "limit": {"5000"}}
		c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/loki/api/v1/tail?"+q.Encode(), nil)
		if err != nil { // It is being restarted.
			if time.Now().After(deadline) {
				t.Errorf("%d of %d lines: %v", got, n, err)
				return
			}
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for got < n {
			var m lokiMessage
			_ = c.SetReadDeadline(deadline)
			if err := c.ReadJSON(&m); err != nil {
				if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseInternalServerErr) || time.Now().After(deadline) {
					t.Errorf("%d of %d lines: %v", got, n, err)
					c.Close()
					return
				}
				break
			}
			for _, e := range m.entries(t) {
				if e == last { // What was asked for again.
					continue
				}
				if e.at <= last.at {
					t.Errorf("%q at %d comes after %q at %d", e.line, e.at, last.line, last.at)
				}
				last, start = e, e.at
				seen(e)
				got++
			}
		}
		c.Close()
	}
}

// lokiGet asks one endpoint.
func lokiGet(t *testing.T, addr, path string, params url.Values) lokiMessage {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/loki/api/v1/" + path + "?" + params.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", path, resp.Status, err, b)
	}
	var m struct{ Data lokiMessage }
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m.Data
}

// rotating writes lines into a log and rotates it rotations times, by renaming, spread over its lines. It returns all files, oldest first.
func rotating(t *testing.T, log string, lines []string, rotations int, pause func(n int)) (files []string) {
	t.Helper()
	each := len(lines)/(rotations+1) + 1
	for n, line := range lines {
		if n > 0 && n%each == 0 {
			files = append(files, fmt.Sprintf("%s.%d", log, rotations-len(files)))
			if err := os.Rename(log, files[len(files)-1]); err != nil {
				t.Fatal(err)
			}
		}
		appendTo(t, log, line+"\n")
		pause(n)
	}
	return append(files, log)
}

func content(t *testing.T, files []string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// oddLines are lines of many kinds: with and without times, empty, with colours, quotes and tabs.
func oddLines(n int) (lines []string) {
	for i := range n {
		switch i % 6 {
		case 0, 1:
			lines = append(lines, fmt.Sprintf("%s | INFO | line %d \"quoted\" 你好", time.Now().Format("2006-01-02 15:04:05.000"), i))
		case 2:
			lines = append(lines, "")
		case 3:
			lines = append(lines, fmt.Sprintf("\tat line %d \\ \x1b[31mred\x1b[0m", i))
		case 4:
			lines = append(lines, fmt.Sprintf(`{"time":%q,"level":"error","n":%d}`, time.Now().Format(time.RFC3339Nano), i))
		default:
			lines = append(lines, strings.Repeat("x", i%4000))
		}
	}
	return lines
}

func TestLoki_TailThroughFiveRotationsAndARestart_IsTheFileByteForByte(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "")
	addr, door := serve(t, dir)
	lines := oddLines(3000)
	var got strings.Builder
	done := make(chan struct{})
	go func() { // Ends when all lines have come, or with patience.
		defer close(done)
		tailClient(t, addr, `{job="app"}`, len(lines), func(e entry) { got.WriteString(e.line + "\n") })
	}()
	files := rotating(t, log, lines, 5, func(n int) {
		if n != len(lines)/2 {
			return
		}
		if err := door.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		door.wait()
		door = start(t, "livetail", "serve", "--listen", addr, dir)
		door.line("listening")
	})
	<-done
	if len(files) != 6 {
		t.Fatalf("%d files", len(files))
	}
	if want := content(t, files); got.String() != want {
		t.Errorf("the tail has %d bytes, the files %d, or other ones", got.Len(), len(want))
	}
}

func TestLoki_TailAndQueryRangeAtOnce_EachGetsEveryLineOnceInOrder(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "")
	addr, _ := serve(t, dir)
	const n = 3000
	query := `{job="app"} |= "number"`
	number := func(line string) int {
		i, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
		if err != nil {
			t.Errorf("%q has no number", line)
		}
		return i
	}
	began := time.Now()

	tailed, late := 0, time.Duration(0)
	var worst time.Duration
	followed := make(chan struct{})
	go func() { // Ends when all lines have come, or with patience.
		defer close(followed)
		tailClient(t, addr, query, n, func(e entry) {
			if i := number(e.line); i != tailed {
				t.Errorf("line %d came as number %d of the tail", i, tailed)
			}
			tailed++
			written, _, _ := strings.Cut(e.line, " ")
			at, err := time.Parse(time.RFC3339Nano, written)
			if err != nil {
				t.Error(err)
			}
			d := time.Since(at)
			late += d
			worst = max(worst, d)
		})
	}()
	asked := make(chan struct{})
	go func() { // Likewise.
		defer close(asked)
		start, queried, deadline := began.UnixNano(), 0, time.Now().Add(patience)
		for queried < n {
			if time.Now().After(deadline) {
				t.Errorf("%d lines found", queried)
				return
			}
			m := lokiGet(t, addr, "query_range", url.Values{
				"query": {query}, "start": {fmt.Sprint(start)}, "end": {fmt.Sprint(time.Now().UnixNano())}, "direction": {"forward"}, "limit": {"500"},
			})
			for _, e := range m.entries(t) {
				if i := number(e.line); i != queried {
					t.Errorf("line %d came as number %d of the query", i, queried)
				}
				queried, start = queried+1, e.at+1
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	busy := machineBusy()
	for i := range n {
		fmt.Fprintf(f, "%s number %d\n", time.Now().Format(time.RFC3339Nano), i)
		if i%10 == 9 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	<-followed
	<-asked
	held := busy()
	if tailed == 0 {
		return
	}
	mean := late / time.Duration(tailed)
	t.Logf("%d lines, written to received by the tail: mean %s, worst %s (race build); a sleep of 1 ms took %s longer", tailed, mean.Round(time.Microsecond),
		worst.Round(time.Microsecond), held.Round(time.Microsecond))
	// Where the machine lets everything wait, it says nothing about livetail.
	if mean > 50*time.Millisecond && held < 10*time.Millisecond {
		t.Errorf("lines took %s on average", mean)
	}
}

// machineBusy measures how much longer than asked for sleeps take, on average, until what it returns is called.
func machineBusy() func() time.Duration {
	stop, done := make(chan struct{}), make(chan time.Duration)
	go func() { // Ends when it is stopped.
		var over time.Duration
		for n := time.Duration(0); ; n++ {
			select {
			case <-stop:
				done <- over / max(n, 1)
				return
			default:
			}
			began := time.Now()
			time.Sleep(time.Millisecond)
			over += time.Since(began) - time.Millisecond
		}
	}()
	return func() time.Duration { close(stop); return <-done }
}
