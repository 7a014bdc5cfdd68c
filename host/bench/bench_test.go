package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// The test is also the minimal server.
	if dir := os.Getenv("BENCH_TEST_MINIMAL"); dir != "" {
		if err := serveMinimal(context.Background(), dir); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// minimal starts the minimal server over a folder.
func minimal(t *testing.T, dir string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BENCH_TEST_MINIMAL", dir)
	s := &server{name: minimalName}
	if err := s.launch(context.WithoutCancel(t.Context()), self); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	return s
}

func TestMeasures_MinimalServer_EveryRowHasAFigure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	dir := t.TempDir()
	b := &bench{options: options{rounds: 1, bytes: 4 << 20, clients: 5, seconds: 1, samples: 20, big: 12 << 20, stalled: 4 << 20}}
	b.servers = []*server{minimal(t, dir)}
	for _, measure := range []func(context.Context, string) error{b.one, b.fanout, b.latency, b.last, b.idle, b.slow} {
		if err := measure(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := b.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"one client, MB/s", "fan-out delivered, %", "latency p99, ms", "last 1000 lines of 12 MiB", "idle session", "lines lost by it"} {
		if !strings.Contains(out.String(), what) {
			t.Errorf("%q is missing in\n%s", what, out.String())
		}
	}
	for _, r := range b.rows {
		if _, ok := r.values[minimalName]; !ok {
			t.Errorf("%s has no figure", r.what)
		}
		if r.what == "lines lost by it" && r.values[minimalName] != 0 {
			t.Errorf("%v lines are lost", r.values[minimalName])
		}
		if r.what == "fan-out delivered" && (r.values[minimalName] < 50 || r.values[minimalName] > 100.5) {
			t.Errorf("%v %% are delivered", r.values[minimalName])
		}
	}
	if b.servers[0].memory() <= 0 {
		t.Error("the server uses no memory")
	}
}

func TestLastLines_AnyNumber_BeginsThere(t *testing.T) {
	l, err := createLog(filepath.Join(t.TempDir(), "app.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.write(2000); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(l.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{1, 10, 545, 546, 547, 1999, 2000, 3000} {
		if got, want := lastLines(f, 2000*lineLength, n, make([]byte, 64<<10)), int64(max(2000-n, 0)*lineLength); got != want {
			t.Errorf("the last %d lines begin at %d, want %d", n, got, want)
		}
	}
}

func TestLine_HoldsItsTime(t *testing.T) {
	now := time.Now()
	line := appendLine(nil, 7, now)
	if len(line) != lineLength || strings.Count(string(line), "@") != 1 {
		t.Errorf("%q", line)
	}
	if made, ok := lineTime(line); !ok || !made.Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("made %v, want %v", made, now)
	}
	if _, ok := lineTime(line[:20]); ok {
		t.Error("a line that is cut off has a time")
	}
}
