package verify_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/simulator/internal/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run verifies what a source delivers, from the first line.
func run(t *testing.T, s verify.Source, o verify.Options) (verify.Report, error) {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	a := verify.NewAccount(true)
	err := verify.Run(t.Context(), s, a, o)
	return a.Report(), err
}

func TestFile_TornLastLine_IsVisibleAsSuch(t *testing.T) {
	all := written(t, "s", 100)
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, append(bytes.Join(all[:99], []byte("\n")), append([]byte("\n"), all[99][:20]...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := run(t, verify.File(path, ""), verify.Options{})
	if err != nil || !r.OK || r.Written != 99 || r.Unmarked != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCommand_EndlessLine_MemoryIsBoundedAndTheMarkAtItsEndCounts(t *testing.T) {
	all := written(t, "s", 3)
	path := filepath.Join(t.TempDir(), "app.log")
	text := slices.Concat(all[0], []byte("\n"), bytes.Repeat([]byte("x"), 8<<20), all[1], []byte("\n"), all[2], []byte("\n"))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := run(t, verify.Command([]string{"cat", path}, io.Discard, "", verify.Lag{}), verify.Options{})
	if err != nil || !r.OK || r.Written != 3 || r.Bytes > 1<<20 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCommand_IsReadUntilTheCountAndTerminated(t *testing.T) {
	all := written(t, "s", 1000)
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, append(bytes.Join(all, []byte("\n")), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	r, err := run(t, verify.Command([]string{"sh", "-c", "echo said >&2; cat " + path + "; sleep 1000"}, &stderr, "", verify.Lag{}), verify.Options{Count: 1000})
	if err != nil || !r.OK || r.Written != 1000 || stderr.String() != "said\n" {
		t.Errorf("%+v, %v, stderr %q", r, err, stderr.String())
	}
	if _, err := run(t, verify.Command([]string{"false"}, io.Discard, "", verify.Lag{}), verify.Options{}); err == nil {
		t.Error("a command that fails is no error")
	}
	if _, err := run(t, verify.Command([]string{"/does/not/exist"}, io.Discard, "", verify.Lag{}), verify.Options{}); err == nil {
		t.Error("a command that does not exist is no error")
	}
}

func TestRun_TooFewLines_TimesOutAndSaysHowMany(t *testing.T) {
	source := func(ctx context.Context, a *verify.Account) error {
		a.Lines(bytes.Join(written(t, "s", 3), []byte("\n")), time.Now(), false)
		<-ctx.Done()
		return nil
	}
	_, err := run(t, source, verify.Options{Count: 5, Timeout: 50 * time.Millisecond})
	if !errors.Is(err, verify.ErrTimeout) || !strings.Contains(err.Error(), "3 of 5") {
		t.Errorf("got %v", err)
	}
	if r, err := run(t, source, verify.Options{Idle: 50 * time.Millisecond}); err != nil || !r.OK {
		t.Errorf("idle: %+v, %v", r, err)
	}
}

// frontDoor plays the server: each frame is one message over WebSocket, or a part of the body over HTTP.
func frontDoor(t *testing.T, frames ...string) string {
	t.Helper()
	up := websocket.Upgrader{Subprotocols: []string{"livetail.v1"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			for _, f := range frames {
				_, _ = io.WriteString(w, f)
			}
			return
		}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		for _, f := range frames {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
				return
			}
		}
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/app.log"
}

func TestLivetail_GapsLateLinesAndPieces_AreAccountedFor(t *testing.T) {
	all := written(t, "s", 10)
	line := func(n int) string { return string(all[n-1]) }
	u := frontDoor(t,
		`{"t":"hello","v":1}`,
		`{"t":"lines","start":"g.0","end":"g.1","text":"`+line(1)+`\n`+line(2)+`\n"}`,
		`{"t":"lines","start":"g.1","end":"g.2","text":"`+line(3)[:20]+`","piece":"first"}`,
		`{"t":"lines","start":"g.2","end":"g.3","text":"`+line(3)[20:40]+`","piece":"middle"}`,
		`{"t":"lines","start":"g.3","end":"g.4","text":"`+line(3)[40:]+`\n","piece":"last"}`,
		`{"t":"gap","cause":"deleted","certain":true,"after":"g.4","before":"h.0","generations":1,"lines":null}`,
		`{"t":"lines","start":"h.0","end":"h.1","text":"`+line(6)+`\n`+line(8)+`\n"}`,
		`{"t":"late","start":"g.4","end":"g.5","text":"`+line(7)+`\n"}`,
	)
	r, err := run(t, verify.Livetail(u, client.Options{}, verify.Lag{}), verify.Options{})
	if err != nil || !r.OK || r.Written != 8 || r.Delivered != 6 || r.Declared != 2 || r.Late != 1 || r.Gaps["deleted"] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPlainAndText_NoticesAreGaps(t *testing.T) {
	all := written(t, "s", 10)
	notice := "Lines are missing here: a rotated file was deleted before it could be opened (1 rotated file, 2 lines)"
	possible := "Lines may be missing here: something may have been written between the copying and the emptying of the file (how much is unknown)"
	text := []string{string(all[0]) + "\n", notice + "\n", string(all[3][:10]), string(all[3][10:]) + "\n" + possible + "\n" + string(all[6]) + "\n"}
	r, err := run(t, verify.Text(frontDoor(t, text...), client.Options{}, verify.Lag{}), verify.Options{})
	if err != nil || !r.OK || r.Written != 7 || r.Declared != 4 || r.PossibleGaps != 1 || r.Unmarked != 0 {
		t.Errorf("text: %+v, %v", r, err)
	}
	plain := []string{
		`<span style="color:#0a0">` + html.EscapeString(string(all[0])) + "</span>\n",
		`<font color="red"><strong>` + notice + "</strong></font>\n", html.EscapeString(string(all[3])) + "\n",
		`<font color="red"><strong>` + possible + "</strong></font>\n", html.EscapeString(string(all[6])) + "\n",
	}
	r, err = run(t, verify.Plain(frontDoor(t, plain...), client.Options{}, verify.Lag{}), verify.Options{})
	if err != nil || !r.OK || r.Written != 7 || r.Declared != 4 || r.PossibleGaps != 1 || r.Unmarked != 0 {
		t.Errorf("plain: %+v, %v", r, err)
	}
	// A gap of two lines does not excuse three.
	short := []string{string(all[0]) + "\n" + notice + "\n" + string(all[4]) + "\n"}
	if r, _ := run(t, verify.Text(frontDoor(t, short...), client.Options{}, verify.Lag{}), verify.Options{}); r.OK || r.Lost != 1 || r.Declared != 2 {
		t.Errorf("too few declared: %+v", r)
	}
}

func TestLag_PausesOnceAndLimitsTheRate(t *testing.T) {
	all := append(bytes.Join(written(t, "s", 1000), []byte("\n")), '\n')
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r, err := run(t, verify.Command([]string{"cat", path}, io.Discard, "", verify.Lag{Pause: 100 * time.Millisecond, Rate: float64(10 * len(all))}), verify.Options{})
	if took := time.Since(start); err != nil || !r.OK || took < 180*time.Millisecond {
		t.Errorf("%+v, %v, took %v", r, err, took)
	}
}
