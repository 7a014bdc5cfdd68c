package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

func TestServe_PluginKilled_LinesThatComeLateAreDeliveredAllTheSame(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // A writer that never hears of the rotation.
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString("before\n")
	addr, p := serve(t, dir)
	var viewers []*websocket.Conn
	for _, query := range []string{"?tail=1", "?tail=1&format=text"} {
		c := dial(t, addr, log+query)
		if _, err := text(t, c, "before\n"); err != nil {
			t.Fatal(err)
		}
		viewers = append(viewers, c)
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, "after\n")
	for _, c := range viewers {
		if got, err := text(t, c, "after\n"); err != nil || got != "after\n" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	for i := range 2 {
		_ = syscall.Kill(plugin(t, p), syscall.SIGKILL)
		line := fmt.Sprintf("late %d\n", i)
		_, _ = f.WriteString(line)
		for _, c := range viewers {
			if got, err := text(t, c, line); err != nil || got != line {
				t.Errorf("got %q, %v, want %q", got, err, line)
			}
		}
	}
}

// The writer never hears of the rotation, and the whole server goes away, once without a word: who was there comes back by himself and gets what came late
// meanwhile and what comes late then, each line once, although others came before him that were never in the old file.
func TestServe_ServerRestarted_WhoComesBackGetsTheLinesThatCameLate(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString("before\n")
	addr, p := serve(t, dir)

	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	lines, broken := make(chan string), make(chan struct{}, 100)
	done := make(chan struct{})
	go func() { // Ends with ctx.
		defer close(done)
		o := client.Options{Start: tail.StartAtBeginning(), Attempts: 1000, OnStatus: func(s client.Status) {
			if _, ok := s.(client.Disconnected); ok {
				broken <- struct{}{}
			}
		}}
		for e, err := range client.Follow(ctx, "ws://"+addr+log, o) {
			say := ""
			switch e := e.(type) {
			case tail.Lines:
				say = string(e.Text)
			case tail.Late:
				say = "late: " + string(e.Text)
			case tail.Gap:
				say = fmt.Sprintf("%+v\n", e)
			}
			if err != nil {
				say = fmt.Sprintf("%v\n", err)
			}
			for l := range strings.Lines(say) {
				select {
				case lines <- l:
				case <-ctx.Done():
				}
			}
		}
	}()
	defer func() { cancel(); <-done }()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%q never came", want)
		}
	}
	next("before\n")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, "after\n")
	next("after\n")
	_, _ = f.WriteString("0\n")
	next("late: 0\n")
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		_ = p.Process.Signal(signal)
		<-p.exited
		<-broken
		_, _ = fmt.Fprintf(f, "%d, meanwhile\n", i)
		p = start(t, "livetail", "serve", "--listen", addr, dir)
		p.line("listening")
		other := dial(t, addr, log+"?tail=1&lines=1&format=text")
		if got, err := text(t, other, "after\n"); err != nil || got != "after\n" {
			t.Fatalf("somebody else got %q, %v", got, err)
		}
		next(fmt.Sprintf("late: %d, meanwhile\n", i))
		_, _ = fmt.Fprintf(f, "%d, then\n", i)
		next(fmt.Sprintf("late: %d, then\n", i))
	}
	appendTo(t, log, "end\n")
	next("end\n")
}
