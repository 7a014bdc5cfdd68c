package simulator_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/simulator"
)

// written runs the producer in a folder of its own and returns the bytes of all files there, by name.
func written(t *testing.T, o simulator.RunOptions) map[string]string {
	t.Helper()
	dir := t.TempDir()
	o.File = filepath.Join(dir, "app.log")
	if _, err := simulator.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func TestRun_StartTimeAndSeed_WriteTheSameBytesWhateverTheClockAndTheLogger(t *testing.T) {
	o := simulator.RunOptions{
		Files: 3, Rotate: "logrotate", MaxSize: 100_000, Count: 6000, Rate: 60_000, Sequence: true, Seed: 7, Levels: true, Color: true, TraceEvery: 10,
		Format: "loguru=5,json=2,logfmt=1,nginx=1,klog=1,syslog=1", Length: "skewed:40-2000",
		StartTime: time.Date(2020, 9, 17, 8, 59, 0, 0, time.UTC),
	}
	want := written(t, o)
	if len(want) < 6 || !strings.Contains(strings.Join(slices.Collect(maps.Values(want)), ""), "2020-09-17 08:59:00.000") {
		t.Fatalf("%d files, or none with the first line", len(want))
	}
	for _, logger := range []simulator.Logger{simulator.LoggerDirect, simulator.LoggerLogrus} {
		o.Logger = logger
		got := written(t, o)
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%s: %s differs", logger, name)
			}
		}
	}
	o.Seed = 8
	if got := written(t, o); got["app-2.log"] == want["app-2.log"] {
		t.Error("another seed writes the same")
	}
}

func TestRun_LowRate_TracesAreWhole(t *testing.T) {
	for _, logger := range []simulator.Logger{simulator.LoggerDirect, simulator.LoggerLogrus} {
		files := written(t, simulator.RunOptions{Rotate: "none", MaxSize: 1 << 20, Rate: 200, Count: 20, TraceEvery: 2, Logger: logger})
		text := []byte(files["app.log"])
		if n, traces := bytes.Count(text, []byte("\n")), bytes.Count(text, []byte("KeyError")); n != 20 || traces != 2 {
			t.Errorf("%s: %d lines, %d whole traces:\n%s", logger, n, traces, text)
		}
	}
}
