package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// dial opens a plain WebSocket, as a client of the reference server does.
func dial(t *testing.T, addr, pathAndQuery string) *websocket.Conn {
	t.Helper()
	c, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+pathAndQuery, nil)
	if err != nil {
		t.Fatalf("dial %s: %v (%v)", pathAndQuery, err, resp)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// text reads text frames, without the server's pings, until they hold want or the connection ends.
func text(t *testing.T, c *websocket.Conn, want string) (got string, err error) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for want == "" || !strings.Contains(got, want) {
		kind, data, err := c.ReadMessage()
		if err != nil {
			return got, err
		}
		switch {
		case kind != websocket.TextMessage:
			t.Fatalf("got a frame of type %d", kind)
		case string(data) == "ping":
			if err := c.WriteMessage(websocket.TextMessage, []byte("pong")); err != nil {
				return got, err
			}
		default:
			got += string(data)
		}
	}
	return got, nil
}

// appendTo appends to a log, making it if need be.
func appendTo(t *testing.T, path, what string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(what); err != nil {
		t.Fatal(err)
	}
}

func TestServe_ClientOfTheReferenceServer_SeesTheLastLinesAndThenTheNewOnesAsHTML(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	var old strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&old, "line %04d <b>\n", i)
	}
	appendTo(t, log, old.String())
	addr, _ := serve(t, dir)

	c := dial(t, addr, log+"?tail=1")
	got, err := text(t, c, "line 1499")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "line 0499") || !strings.Contains(got, "line 0500 &lt;b&gt;\n") {
		t.Errorf("the last 1000 lines begin with %.40q", got)
	}
	appendTo(t, log, "\x1b[31mred\x1b[0m 你好aaa\n")
	got, err = text(t, c, "\n")
	if want := `<span style="color: #aa0000">red</span> 你好aaa` + "\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, "after the rotation\n")
	if got, err = text(t, c, "after the rotation\n"); err != nil || got != "after the rotation\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestServe_WithoutTail_TheLastLinesAndANormalClose(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\ntwo\nthree\n")
	addr, _ := serve(t, dir)
	got, err := text(t, dial(t, addr, log+"?lines=2"), "")
	if got != "two\nthree\n" || !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestServe_Curl_TheSameStreamAsPlainText(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\n\x1b[31mtwo\x1b[0m\n")
	addr, _ := serve(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+log+"?tail=1", nil)
	req.Header.Set("User-Agent", "curl/8.0")
	req.Header.Set("Accept", "*/*")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(ct, "text/plain") {
		t.Fatalf("got %s, %s", resp.Status, ct)
	}
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{"one", "two"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
	appendTo(t, log, "three\n")
	if !lines.Scan() || lines.Text() != "three" {
		t.Errorf("got %q, want the line that was written after the request", lines.Text())
	}
}

func TestServe_WhatMayNotBeSeen_IsRefusedAlikeWhetherOrNotItExists(t *testing.T) {
	top := t.TempDir()
	dir, sibling := filepath.Join(top, "logs"), filepath.Join(top, "logs-secret")
	for _, d := range []string{dir, sibling, filepath.Join(dir, "folder")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	appendTo(t, filepath.Join(sibling, "s.log"), "secret\n")
	appendTo(t, filepath.Join(dir, "app.log"), "fine\n")
	if err := os.Symlink(filepath.Join(sibling, "s.log"), filepath.Join(dir, "out.log")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	addr, _ := serve(t, dir)
	const forbidden, missing = "Forbidden", "Not found"
	for path, want := range map[string]string{
		sibling + "/s.log":                forbidden,
		sibling + "/not-there.log":        forbidden,
		"/etc/passwd":                     forbidden,
		"/no/such/thing":                  forbidden,
		dir + "/../logs-secret/s.log":     forbidden,
		dir + "/%2e%2e/logs-secret/s.log": forbidden,
		dir + "/out.log":                  forbidden,
		dir + "/folder":                   missing,
		dir + "/fifo":                     missing,
		dir + "/not-there.log":            missing,
		dir + "/app.log?lines=many":       "Fail to parse URL",
		dir + "/app.log?tail=perhaps":     "Fail to parse URL",
		dir + "/app.log?from=nowhere":     "Fail to parse URL",
	} {
		t.Run(strings.TrimPrefix(path, top), func(t *testing.T) {
			got, err := text(t, dial(t, addr, path), "")
			if want := `<font color="red"><strong>` + want + `</strong></font>`; strings.TrimSpace(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestServe_PageOfAnotherSite_IsKeptOut(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "fine\n")
	addr, _ := serve(t, dir)
	for name, header := range map[string]http.Header{
		"origin":    {"Origin": {"http://evil.test"}},
		"rebinding": {"Origin": {"http://evil.test"}, "Host": {"evil.test"}},
		"null":      {"Origin": {"null"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+log, header)
			if err == nil {
				c.Close()
				t.Fatal("the connection was accepted")
			}
			if resp == nil || resp.StatusCode != http.StatusForbidden {
				t.Errorf("got %v, %v, want 403", resp, err)
			}
		})
	}
}

func TestServe_HeartbeatOverARealSocket(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "fine\n")
	// Who is to answer has the time that a busy machine may need.
	addr, _ := serve(t, "--heartbeat", "300ms", "--heartbeat-timeout", "1m", dir)
	strict, _ := serve(t, "--heartbeat", "300ms", "--heartbeat-timeout", "700ms", dir)

	t.Run("who answers lives", func(t *testing.T) {
		t.Parallel()
		c := dial(t, addr, log+"?tail=1")
		pings := 0
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for pings < 10 {
			_, data, err := c.ReadMessage()
			if err != nil {
				t.Fatalf("after %d pings: %v", pings, err)
			}
			if string(data) == "ping" {
				pings++
				_ = c.WriteMessage(websocket.TextMessage, []byte("pong"))
			}
		}
	})
	for name, answer := range map[string]string{"silent": "", "wrong": "pang"} {
		t.Run("who is "+name+" is ended", func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			c := dial(t, strict, log+"?tail=1")
			_ = c.SetReadDeadline(time.Now().Add(patience))
			var pinged time.Time
			for {
				_, data, err := c.ReadMessage()
				if err != nil {
					break
				}
				if string(data) == "ping" && pinged.IsZero() {
					pinged = time.Now()
					if answer != "" {
						_ = c.WriteMessage(websocket.TextMessage, []byte(answer))
					}
					appendTo(t, log, "while an answer is awaited\n")
				}
			}
			if pinged.IsZero() {
				t.Fatal("it was ended without a ping")
			}
			// From the beginning, because the ping may have been read late.
			if took := time.Since(begun); answer == "" && took < 700*time.Millisecond {
				t.Errorf("it was ended after %s, before the time to answer was over", took)
			}
		})
	}
	t.Run("logs flow while an answer is awaited", func(t *testing.T) {
		t.Parallel()
		c := dial(t, addr, log+"?tail=1")
		_ = c.SetReadDeadline(time.Now().Add(patience))
		var after string
		pinged := false
		for !strings.Contains(after, "in between") {
			_, data, err := c.ReadMessage()
			if err != nil {
				t.Fatalf("%v; after the ping came %q", err, after)
			}
			switch {
			case string(data) == "ping" && !pinged:
				pinged = true
				appendTo(t, log, "in between\n") // The pong is still owed.
			case pinged:
				after += string(data)
			}
		}
	})
}

func TestServe_Ended_EveryViewerIsToldAndNoProcessStays(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "fine\n")
	addr, p := serve(t, dir)
	plugins := children(t, p.Process.Pid)
	if len(plugins) != 1 {
		t.Fatalf("got children %v, want the plugin", plugins)
	}
	c := dial(t, addr, log+"?tail=1")
	if _, err := text(t, c, "fine"); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := text(t, c, ""); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the viewer was told %v, want close code 1001", err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	eventually(t, "the plugin has ended", func() bool { return !alive(plugins[0]) })
}

func TestServe_SecondSignal_EndsItAtOnceAndLeavesNoPlugin(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, strings.Repeat(strings.Repeat("x", 1023)+"\n", 48<<10))
	addr, p := serve(t, "--write-timeout", "1m", "--shutdown-timeout", "1m", dir)
	id := plugin(t, p)
	dial(t, addr, log+"?tail=1&from=beginning")               // It does not read, so there is something to wait for at the end;
	if err := syscall.Kill(id, syscall.SIGSTOP); err != nil { // and a plugin that is stopped takes its time.
		t.Fatal(err)
	}
	eventually(t, "it has ended", func() bool {
		_ = p.Process.Signal(syscall.SIGTERM) // The first has it end kindly, the next one at once.
		select {
		case <-p.exited:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	_ = p.wait()
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("it ended as %v, which is not at once", p.ProcessState)
	}
	eventually(t, "the plugin has ended", func() bool { return !alive(id) })
}

func TestServe_HostKilled_PluginEndsToo(t *testing.T) {
	_, p := serve(t, t.TempDir())
	plugins := children(t, p.Process.Pid)
	if len(plugins) != 1 {
		t.Fatalf("got children %v, want the plugin", plugins)
	}
	_ = p.Process.Kill()
	eventually(t, "the plugin has ended", func() bool { return !alive(plugins[0]) })
}

func TestServe_PluginKilled_TheViewerGoesOn(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "before\n")
	addr, p := serve(t, dir)
	c := dial(t, addr, log+"?tail=1")
	if _, err := text(t, c, "before\n"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		plugins := children(t, p.Process.Pid)
		if len(plugins) != 1 {
			t.Fatalf("got children %v, want the plugin", plugins)
		}
		_ = syscall.Kill(plugins[0], syscall.SIGKILL)
		line := fmt.Sprintf("after kill %d\n", i)
		appendTo(t, log, line)
		if got, err := text(t, c, line); err != nil || got != line {
			t.Fatalf("got %q, %v, want %q", got, err, line)
		}
		eventually(t, "another plugin runs", func() bool {
			now := children(t, p.Process.Pid)
			return len(now) == 1 && now[0] != plugins[0]
		})
	}
}

func TestServe_PortInUse_OneSentenceSaysWhatToDo(t *testing.T) {
	addr, _ := serve(t, t.TempDir())
	p := start(t, "livetail", "serve", "--listen", addr, t.TempDir())
	if code := p.wait(); code != 1 || !strings.Contains(p.said(), "port 0 picks a free one") {
		t.Errorf("exit code %d, it said %q", code, p.said())
	}
}

func TestServe_BadPlugin_OneSentenceAndItsOwnExitCode(t *testing.T) {
	p := start(t, "livetail", "serve", "--listen", "127.0.0.1:0", "--plugin", "/bin/true", t.TempDir())
	if code := p.wait(); code != 3 || strings.Count(strings.TrimSpace(p.said()), "\n") != 0 || !strings.Contains(p.said(), "/bin/true") {
		t.Errorf("exit code %d, it said %q", code, p.said())
	}
}

// firstMessage opens a log by livetail.v1 and returns what is said first.
func firstMessage(t *testing.T, addr, log string) string {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"livetail.v1"}}
	c, _, err := d.DialContext(t.Context(), "ws://"+addr+log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, message, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}
