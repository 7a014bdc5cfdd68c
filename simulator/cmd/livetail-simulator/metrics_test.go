package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/simulator"
)

func TestRun_Metrics_SayWhatIsOnDiskWhileItRuns(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { // Ends when it is cancelled.
		o := simulator.RunOptions{File: filepath.Join(t.TempDir(), "app.log"), Rate: 500}
		done <- produce(ctx, o, 0, addr, new(bytes.Buffer), new(bytes.Buffer))
	}()
	get := func() string {
		resp, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return ""
		}
		return string(b)
	}
	want := "livetail_simulator_lines_total"
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text := get()
		if strings.Contains(text, want+" ") && !strings.Contains(text, want+" 0\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no lines in\n%s", text)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if get() != "" {
		t.Error("the metrics are served after the end")
	}
}
