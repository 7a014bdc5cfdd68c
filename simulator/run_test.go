package simulator_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/lines"
)

func TestMain(m *testing.M) {
	// lumberjack's own goroutine never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// inOrder checks that the files, oldest first, hold lines 1 to n in order.
func inOrder(t *testing.T, paths []string, n uint64) {
	t.Helper()
	next := uint64(1)
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); next++ {
			if m, v := lines.Parse(lines.StripANSI(nil, s.Bytes())); v != lines.Genuine || m.Sequence != next {
				t.Fatalf("%s: line %q is %v, want number %d", path, s.Text(), v, next)
			}
		}
	}
	if next != n+1 {
		t.Errorf("%d lines in %v, want %d", next-1, paths, n)
	}
}

func TestRun_Count_WritesExactlyThatIntoRotatedFiles(t *testing.T) {
	for _, logger := range []simulator.Logger{simulator.LoggerDirect, simulator.LoggerLogrus} {
		t.Run(string(logger), func(t *testing.T) {
			dir := t.TempDir()
			r, err := simulator.Run(t.Context(), simulator.RunOptions{
				File: filepath.Join(dir, "app.log"), MaxSize: 1 << 20, Count: 30_000, Sequence: true, Logger: logger,
				Levels: true, TraceEvery: 50, Color: true, Seed: 7,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Lines != 30_000 || r.Rotations < 2 || r.Torn != 0 || len(r.Streams) != 1 {
				t.Errorf("report %+v", r)
			}
			backups, _ := filepath.Glob(filepath.Join(dir, "app-*.log"))
			inOrder(t, append(backups, filepath.Join(dir, "app.log")), 30_000)
		})
	}
}

func TestRun_BothLoggers_CutFilesAtTheSameLines(t *testing.T) {
	sizes := map[simulator.Logger][]int64{}
	for _, logger := range []simulator.Logger{simulator.LoggerDirect, simulator.LoggerLogrus} {
		dir := t.TempDir()
		if _, err := simulator.Run(t.Context(), simulator.RunOptions{
			File: filepath.Join(dir, "app.log"), Rotate: "logrotate", MaxSize: 100_000, Count: 20_000, Logger: logger,
		}); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			sizes[logger] = append(sizes[logger], info.Size())
		}
	}
	a, b := sizes[simulator.LoggerDirect], sizes[simulator.LoggerLogrus]
	if len(a) < 3 || len(a) != len(b) {
		t.Fatalf("sizes %v and %v", a, b)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("sizes %v and %v", a, b)
		}
	}
}

func TestRun_Files_ShareTheCount(t *testing.T) {
	dir := t.TempDir()
	r, err := simulator.Run(t.Context(), simulator.RunOptions{File: filepath.Join(dir, "app.log"), Files: 3, Count: 10, Sequence: true, Stream: "x"})
	if err != nil || r.Lines != 10 || len(r.Files) != 3 || strings.Join(r.Streams, " ") != "x1 x2 x3" {
		t.Errorf("report %+v, %v", r, err)
	}
	inOrder(t, []string{filepath.Join(dir, "app-1.log")}, 4)
	inOrder(t, []string{filepath.Join(dir, "app-3.log")}, 3)
}

func TestRun_Cancelled_EndsNormallyAndReportsWhatIsOnDisk(t *testing.T) {
	for _, rate := range []float64{0, 500} {
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		progress := 0
		r, err := simulator.Run(ctx, simulator.RunOptions{
			File: filepath.Join(dir, "app.log"), Rate: rate, Sequence: true, Rotate: "none",
			ProgressEvery: 10 * time.Millisecond, Progress: func(simulator.Report) { progress++ },
		})
		if err != nil || r.Lines == 0 || progress == 0 {
			t.Errorf("rate %v: report %+v, %v, %d times progress", rate, r, err, progress)
		}
		inOrder(t, []string{filepath.Join(dir, "app.log")}, uint64(r.Lines))
	}
}

func TestRun_UnwritableOrNonsense_IsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]simulator.RunOptions{
		"directory": {File: dir},
		"parent":    {File: filepath.Join(dir, "file", "app.log")},
		"rate":      {File: filepath.Join(dir, "app.log"), Rate: -1},
		"count":     {File: filepath.Join(dir, "app.log"), Count: -1},
		"files":     {File: filepath.Join(dir, "app.log"), Files: -1},
		"logger":    {File: filepath.Join(dir, "app.log"), Logger: "x"},
		"rotate":    {File: filepath.Join(dir, "app.log"), Rotate: "x"},
		"format":    {File: filepath.Join(dir, "app.log"), Format: "x"},
		"message":   {File: filepath.Join(dir, "app.log"), Message: "a\nb"},
	} {
		o.Count = max(o.Count, -1)
		if o.Count == 0 {
			o.Count = 1
		}
		if _, err := simulator.Run(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRun_Encodings_EveryFileIsOfWholeLinesAndNoneIsLost(t *testing.T) {
	for _, encoding := range simulator.Encodings() {
		for _, style := range []string{"lumberjack", "logrotate", "late", "loguru", "symlink", "python"} {
			dir := t.TempDir()
			const total = 2000
			message := simulator.DefaultMessage
			if encoding == "latin-1" {
				message = "Grüße"
			}
			r, err := simulator.Run(t.Context(), simulator.RunOptions{
				File: filepath.Join(dir, "app.log"), Rotate: style, MaxSize: 40_000, Count: total, Sequence: true, Encoding: encoding, TraceEvery: 7, Message: message,
				Late: late(style), Rate: 20_000,
			})
			if err != nil || r.Lines != total || r.Rotations < 2 {
				t.Fatalf("%s, %s: %+v, %v", encoding, style, r, err)
			}
			seen := map[uint64]bool{}
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if !e.Type().IsRegular() {
					continue
				}
				f, err := os.Open(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				text, err := lines.Decode(encoding, f)
				if err != nil {
					t.Fatal(err)
				}
				for s := bufio.NewScanner(text); s.Scan(); {
					m, v := lines.Parse(s.Bytes())
					if v != lines.Genuine || seen[m.Sequence] {
						t.Fatalf("%s, %s: %q is %v", encoding, style, s.Text(), v)
					}
					seen[m.Sequence] = true
				}
			}
			if len(seen) != total {
				t.Errorf("%s, %s: %d lines are on disk, want %d", encoding, style, len(seen), total)
			}
		}
	}
}

func late(style string) time.Duration {
	if style == "late" {
		return time.Millisecond
	}
	return 0
}
