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
		t.Skip("takes some seconds")
	}
	dir := t.TempDir()
	b := &bench{options: options{rounds: 1, still: 200 * time.Millisecond, stall: 300 * time.Millisecond, bytes: 4 << 20, clients: []int{5}, sleepers: 5, seconds: 1, samples: 20, big: 12 << 20, stalled: 4 << 20}}
	b.servers = []*server{minimal(t, dir)}
	for _, m := range measures {
		if err := m.run(b, t.Context(), dir); err != nil {
			t.Fatal(m.name, err)
		}
	}
	var out strings.Builder
	if err := b.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"one client, MB/s", "fan-out to 5, delivered, %", "latency p99, ms", "last 1000 lines of 12 MiB", "idle session", "lines lost by it"} {
		if !strings.Contains(out.String(), what) {
			t.Errorf("%q is missing in\n%s", what, out.String())
		}
	}
	for _, r := range b.rows {
		v, ok := r.value(minimalName)
		if !ok {
			t.Errorf("%s has no figure", r.what)
		}
		if r.what == "lines lost by it" && v != 0 {
			t.Errorf("%v lines are lost", v)
		}
		if r.what == "fan-out to 5, delivered" && (v < 50 || v > 100.5) {
			t.Errorf("%v %% are delivered", v)
		}
	}
	var benchmarks strings.Builder
	if err := b.printBenchmarks(&benchmarks); err != nil || !strings.Contains(benchmarks.String(), "BenchmarkHost/one_client/server=minimal_loop \t1\t") {
		t.Errorf("%s, %v", benchmarks.String(), err)
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

func TestRow_MachineThatIsBusyInOneRound_LeavesTheRatio(t *testing.T) {
	b := bench{servers: []*server{{name: minimalName}, {name: "x"}}}
	for _, busy := range []float64{1, 10, 2} {
		b.figure(b.servers[0], "speed", "MB/s", "", 100/busy)
		b.figure(b.servers[1], "speed", "MB/s", "", 80/busy)
	}
	if v, ok := b.rows[0].ratio("x"); !ok || v != 0.8 {
		t.Errorf("ratio %v", v)
	}
	if v, ok := b.rows[0].value("x"); !ok || v != 40 {
		t.Errorf("median %v", v)
	}
	if _, ok := b.rows[0].value("y"); ok {
		t.Error("a server that was not measured has a figure")
	}
}

func TestTurn_EachRound_BeginsWithAnother(t *testing.T) {
	b := bench{servers: []*server{{name: "a"}, {name: "b"}, {name: "c"}}}
	var got string
	for round := range 4 {
		for _, s := range b.turn(round) {
			got += s.name
		}
		got += " "
	}
	if got != "abc bca cab abc " {
		t.Error(got)
	}
}

func TestHistogram_Quantiles_AreRightToFourPercent(t *testing.T) {
	var h, other histogram
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
		other.add(time.Duration(i) * time.Millisecond)
	}
	h.merge(&other)
	for q, want := range map[float64]float64{0.001: 1, 0.5: 500, 0.99: 990, 1: 1000} {
		if got := h.quantile(q); got < want*0.96 || got > want*1.04 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestRatio_OfWhatHasGrown_IsNotPrinted(t *testing.T) {
	b := &bench{servers: []*server{{name: minimalName}, {name: "other"}}}
	for unit, want := range map[string]bool{grown: false, "MB/s": true} {
		for i, s := range b.servers {
			b.figure(s, "x", unit, "", []float64{0.08, -4.45}[i])
		}
		if _, ok := b.rows[len(b.rows)-1].ratio("other"); ok != want {
			t.Errorf("%s: a ratio: %v, want %v", unit, ok, want)
		}
	}
}
