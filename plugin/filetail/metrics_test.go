package filetail

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// number is the value of a metric with one label value, or without labels if label is empty.
func number(t *testing.T, tailer *Tailer, name, label string) float64 {
	t.Helper()
	metrics, err := tailer.Metrics(t.Context())
	if err == nil {
		err = tail.CheckMetrics(metrics)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics {
		for _, s := range m.Samples {
			if m.Name == name && (label == "" || s.Labels[0].Value == label) {
				return s.Value
			}
		}
	}
	t.Fatalf("there is no %s %s", name, label)
	return 0
}

func TestMetrics_RotationUnderASlowReader_IsCountedOnceAndPinned(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	tailer, err := New(Config{Roots: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	until := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not so: %s", what)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	begun, stop := make(chan struct{}, 2), make(chan struct{})
	done := make(chan struct{}, 2)
	for range 2 {
		go func() { // Ends when stop is closed.
			defer func() { done <- struct{}{} }()
			for range tailer.Follow(ctx, tail.FollowRequest{Log: log, Start: tail.StartAtBeginning(), Follow: true}) {
				begun <- struct{}{}
				<-stop
				return
			}
		}()
	}
	<-begun
	<-begun
	if got := number(t, tailer, "readers", ""); got != 2 {
		t.Errorf("%v readers", got)
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write("two\n")
	until("the rotation is counted", func() bool { return number(t, tailer, "rotations_total", "renamed") == 1 })
	until("both are held", func() bool { return number(t, tailer, "held_generations", "") == 2 })
	if got := number(t, tailer, "pinned_generations", ""); got != 1 {
		t.Errorf("%v pinned", got)
	}
	if err := os.Remove(log + ".1"); err != nil {
		t.Fatal(err)
	}
	until("the deleted file takes room", func() bool { return number(t, tailer, "held_deleted_bytes", "") > 0 })
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	until("the truncation is counted", func() bool { return number(t, tailer, "truncations_total", "") == 1 })
	if events, polling := number(t, tailer, "wakeup", "events"), number(t, tailer, "wakeup", "polling"); events+polling != 1 {
		t.Errorf("wake-ups: %v by events, %v by polling", events, polling)
	}
	close(stop)
	cancel()
	<-done
	<-done
}

// What is written and not read shows by the root of its log, for as long as somebody reads it.
func TestMetrics_ReaderThatIsBehind_ShowsBySource(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	text := strings.Repeat("a line of sixteen\n", 100_000)
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tailer, err := New(Config{Roots: []string{dir, filepath.Join(dir, "other"), "/" + strings.Repeat("x", 255) + "/y"}})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	size := func() (size, read float64) {
		return number(t, tailer, "source_file_size_bytes", dir), number(t, tailer, "source_read_offset_bytes", dir)
	}
	if size, read := size(); size != 0 || read != 0 {
		t.Errorf("nobody reads: %v of %v", read, size)
	}
	for e, err := range tailer.Follow(t.Context(), tail.FollowRequest{Log: log, Start: tail.StartAtBeginning()}) {
		if err != nil {
			t.Fatal(err)
		}
		size, read := size()
		if size != float64(len(text)) {
			t.Fatalf("%v of %v", read, size)
		}
		if _, ok := e.(tail.CaughtUp); ok && read != size {
			t.Errorf("at the end: %v of %v", read, size)
		} else if l, ok := e.(tail.Lines); ok && (read < float64(l.End.Offset) || l.Start.Offset == 0 && read > size/2) {
			t.Errorf("at %v: %v of %v", l.End.Offset, read, size)
		}
	}
}
