package httpd

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// newMounted starts a server with a log /web at the top and another log /web at /docker, whose tailer is tailer, if not nil.
func newMounted(t *testing.T, o Options, tailer tail.Tailer) (s *stand, top, docker *tailtest.FakeLog) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var hubs sync.WaitGroup
	t.Cleanup(func() { // After that of the stand.
		cancel()
		hubs.Wait()
	})
	var mounts []mount.Mount
	var logs []*tailtest.FakeLog
	for _, prefix := range []string{"/", "/docker"} {
		fake := tailtest.NewFake()
		logs = append(logs, fake.AddLog("/web", "first of "+prefix))
		m := mount.Mount{Prefix: prefix, Tailer: fake}
		if tailer != nil && prefix == "/docker" {
			m.Tailer = tailer
		}
		m.Hub = hub.New(m.Tailer, hub.Options{HeartbeatInterval: time.Hour})
		hubs.Go(func() { _ = m.Hub.Run(ctx) }) // Ends with ctx.
		mounts = append(mounts, m)
	}
	table, err := mount.New(mounts...)
	if err != nil {
		t.Fatal(err)
	}
	o.Mounts = table
	return newStand(t, o), logs[0], logs[1]
}

func TestMounts_EachLogIsThatOfItsPrefix(t *testing.T) {
	s, top, docker := newMounted(t, Options{}, nil)
	for target, want := range map[string]string{
		"/web": "first of /\n", "/docker/web": "first of /docker\n", "/docker//web": "first of /docker\n",
		"/": "/docker/web\n/web\n",
	} {
		if status, _, body := s.get(target); status != http.StatusOK || body != want {
			t.Errorf("%s: got %d %q, want %q", target, status, body, want)
		}
	}
	for _, target := range []string{"/docker", "/docker/", "/docker/none", "/dockerweb"} {
		if status, _, _ := s.get(target); status != http.StatusNotFound {
			t.Errorf("%s: got %d", target, status)
		}
	}
	c := s.dial("/docker/web?tail=1", wire.Subprotocol)
	if hello := nextMessage(t, c); !strings.Contains(hello, `"log":"/docker/web"`) {
		t.Errorf("the log is not called what the peer calls it: %s", hello)
	}
	top.Append("not this")
	docker.Append("second")
	got := ""
	for !strings.Contains(got, "second") {
		got += nextMessage(t, c)
	}
	if strings.Contains(got, "not this") {
		t.Errorf("lines of another log: %s", got)
	}
	// A page of history, at a position of this log.
	var lines struct{ Start string }
	for _, m := range strings.SplitAfter(got, "}") {
		if strings.Contains(m, `"t":"lines"`) {
			_ = json.Unmarshal([]byte(m), &lines)
			break
		}
	}
	if err := c.WriteMessage(1, []byte(`{"t":"read","id":1,"at":"`+lines.Start+`","lines":5}`)); err != nil {
		t.Fatal(err)
	}
	page := ""
	for !strings.Contains(page, `"t":"page"`) {
		page = nextMessage(t, c)
	}
	if !strings.Contains(page, "first of /docker") {
		t.Errorf("got %s", page)
	}
}

func TestMounts_TokenForOneOfThem_SeesNothingOfTheOther(t *testing.T) {
	a, tokens := credentials(t, map[string][]string{"all": nil, "dock": {"/docker"}})
	s, _, _ := newMounted(t, Options{Access: a}, nil)
	for target, want := range map[string]int{"/web": 403, "/docker/web": 200, "/docker/../web": 403} {
		if status, _, _ := s.get(target, "Authorization: Bearer "+tokens["dock"]); status != want {
			t.Errorf("%s: got %d, want %d", target, status, want)
		}
	}
	for _, target := range []string{"/", "/-/logs", "/-/info"} {
		_, _, body := s.get(target, "Authorization: Bearer "+tokens["dock"])
		if strings.Contains(body, `"/web"`) || strings.Contains(body, "\n/web") || strings.Contains(body, `"prefix":"/"`) {
			t.Errorf("%s: %s", target, body)
		}
		if _, _, body := s.get(target, "Authorization: Bearer "+tokens["all"]); !strings.Contains(body, "/docker") {
			t.Errorf("%s lacks what everybody may see: %s", target, body)
		}
	}
}

func TestMounts_OneThatDoesNotAnswer_IsNoMatterToTheOther(t *testing.T) {
	s, _, _ := newMounted(t, Options{}, tail.Unimplemented{})
	_, _, body := s.get("/-/logs")
	var list listing
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Logs) != 1 || list.Logs[0].Log != "/web" || len(list.Missing) != 1 || list.Missing[0] != "/docker" {
		t.Errorf("got %s, %v", body, err)
	}
	if status, _, body := s.get("/web"); status != http.StatusOK || body != "first of /\n" {
		t.Errorf("got %d %q", status, body)
	}
	if status, _, body := s.get("/-/info"); status != http.StatusOK || !strings.Contains(body, `{"prefix":"/docker","plugin":"","capabilities":[]}`) {
		t.Errorf("got %d %s", status, body)
	}
}
