package host_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/livetail/livetail/host"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs h until the test ends, or until the returned function is called, which returns what Run did.
func run(t *testing.T, h *host.Host) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	ended := false
	end = func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = end() })
	late := time.After(time.Minute)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for h.Ready() != nil {
		select {
		case <-look.C:
		case <-late:
			t.Fatal(h.Ready())
		}
	}
	return end
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestHost_MountedBelowAPathOfAForeignMux_ServesLogsThereAndNothingElse(t *testing.T) {
	fake := tailtest.NewFake()
	fake.AddLog("/var/log/app.log").Append("one", "two")
	h, err := host.New(host.Config{Tailer: fake, BasePath: "/logs"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/logs/", h.Handler())
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	server := httptest.NewServer(mux)
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	end := run(t, h)

	if status, body := get(t, server.URL+"/hello"); status != http.StatusOK || body != "hello" {
		t.Errorf("the foreign handler answers %d %q", status, body)
	}
	if status, body := get(t, server.URL+"/logs/var/log/app.log?lines=1"); status != http.StatusOK || body != "two\n" {
		t.Errorf("the log is answered with %d %q", status, body)
	}
	if status, body := get(t, server.URL+"/logs/loki/api/v1/label/filename/values"); status != http.StatusOK || !strings.Contains(body, `"/var/log/app.log"`) {
		t.Errorf("the Loki API answers %d %q", status, body)
	}
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"/logs/var/log/app.log?tail=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, text, err := c.ReadMessage(); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("the stream begins with %q, %v", text, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the viewer was told %v, want close code 1001", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if h.Ready() == nil {
		t.Error("it says that it is ready after its end")
	}
}

func TestNew_WithoutAnythingToFollow_SaysSo(t *testing.T) {
	if _, err := host.New(host.Config{}); err == nil || !strings.Contains(err.Error(), "neither a plugin nor a tailer") {
		t.Errorf("got %v", err)
	}
}

func TestStart_PluginThatCannotBeStarted_IsAnErrorAtOnce(t *testing.T) {
	h, err := host.New(host.Config{Plugin: &tail.LaunchOptions{Path: "/does/not/exist"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("got %v", err)
	}
}

func TestOpsHandler_ShowsMetricsAndReadiness(t *testing.T) {
	h, err := host.New(host.Config{Tailer: tailtest.NewFake(), Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.OpsHandler())
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if status, _ := get(t, server.URL+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("before Run, /readyz answers %d", status)
	}
	run(t, h)
	if status, body := get(t, server.URL+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d %s", status, body)
	}
	if _, body := get(t, server.URL+"/metrics"); !strings.Contains(body, "livetail_build_info") || !strings.Contains(body, `version="1.2.3"`) {
		t.Errorf("/metrics answers %.300s", body)
	}
}
