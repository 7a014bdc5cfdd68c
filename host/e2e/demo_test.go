package e2e

import (
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestDemo_PrintsAURLWhereTheLogIsLive_AndLeavesNothingBehind(t *testing.T) {
	for name, signals := range map[string][]os.Signal{
		"Ctrl-C":                 {os.Interrupt},
		"the terminal is closed": {syscall.SIGHUP},
		"timeout sends it twice": {syscall.SIGTERM, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) { demoEnds(t, signals) })
	}
}

func demoEnds(t *testing.T, signals []os.Signal) {
	for _, s := range signals {
		if signal.Ignored(s) {
			t.Skipf("%v is ignored here, as under nohup, and so it is by what is started here", s)
		}
	}
	p := start(t, "livetail", "demo", "--listen", "127.0.0.1:0")
	words := strings.Fields(p.line("http://127.0.0.1:"))
	u, err := url.Parse(words[len(words)-1])
	if err != nil || u.Path == "" {
		t.Fatalf("it prints %q: %v", words, err)
	}
	c := dial(t, u.Host, u.Path+"?tail=1")
	if got, err := text(t, c, "\n"); err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	for range 3 { // It goes on.
		if _, err := text(t, c, "\n"); err != nil {
			t.Fatal(err)
		}
	}
	plugins := children(t, p.Process.Pid)
	for i, s := range signals {
		if i > 0 {
			time.Sleep(20 * time.Millisecond) // Or the kernel may make one of two.
		}
		if err := p.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := text(t, c, ""); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the viewer was told %v, want close code 1001", err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, id := range plugins {
		eventually(t, "the plugin has ended", func() bool { return !alive(id) })
	}
	if _, err := os.Stat(u.Path); err == nil {
		t.Errorf("%s was left behind", u.Path)
	}
}
