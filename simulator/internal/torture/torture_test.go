package torture_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/torture"
	"github.com/livetail/livetail/simulator/internal/verify"
)

func TestMain(m *testing.M) {
	// lumberjack's own goroutine never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// files is a follower that delivers the first line, waits until the writer is done, and then reads the files of a log that was never deleted
// from: the oldest first.
func files(skip bool) func(path string, lag verify.Lag) (verify.Source, error) {
	return func(path string, _ verify.Lag) (verify.Source, error) {
		return func(ctx context.Context, a *verify.Account) error {
			first, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			a.Lines(first, time.Now(), false)
			for last := int64(-1); ; {
				total := int64(0)
				all, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
				for _, f := range all {
					if info, err := os.Stat(f); err == nil {
						total += info.Size()
					}
				}
				if total == last && total > int64(len(first)) {
					break
				}
				last = total
				select {
				case <-time.After(200 * time.Millisecond):
				case <-ctx.Done():
					return nil
				}
			}
			rotated, err := filepath.Glob(filepath.Join(filepath.Dir(path), "app-*.log"))
			if err != nil {
				return err
			}
			for i, f := range append(rotated, path) {
				b, err := os.ReadFile(f)
				switch {
				case err != nil:
					return err
				case i == 0 && skip:
					continue
				case i == 0:
					b = b[len(first):]
				}
				a.Lines(b, time.Now(), false)
			}
			return nil
		}, nil
	}
}

func options(t *testing.T) torture.Options {
	return torture.Options{
		Dir: t.TempDir(), Rotations: []string{"lumberjack"}, Rates: []float64{0, 50_000}, Lags: torture.Lags()[:1],
		Count: 5000, MaxSize: 100_000, Settle: time.Millisecond, Patience: 2 * time.Second,
	}
}

func TestRun_FollowerThatDeliversAll_IsOK(t *testing.T) {
	o := options(t)
	o.Source = files(false)
	told := 0
	o.Done = func(torture.Trial) { told++ }
	trials, err := torture.Run(t.Context(), o)
	if err != nil || len(trials) != 2 || told != 2 {
		t.Fatalf("%d trials, %v", len(trials), err)
	}
	for _, trial := range trials {
		if !trial.OK() || trial.Report.Written != 5000 || trial.Rotations < 2 {
			t.Errorf("%+v", trial)
		}
	}
	if left, _ := os.ReadDir(o.Dir); len(left) != 0 {
		t.Errorf("%v were left behind", left)
	}
}

func TestRun_FollowerThatSkipsAGeneration_IsNot(t *testing.T) {
	o := options(t)
	o.Source = files(true)
	trials, err := torture.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if trial.OK() || trial.Report.Lost == 0 || trial.Report.Written != 5000 {
			t.Errorf("%+v", trial)
		}
	}
}

func TestRun_EveryRotation_CanBeTried(t *testing.T) {
	o := options(t)
	o.Rotations, o.Rates, o.Count, o.Compress, o.Late = simulator.Rotations(), o.Rates[:1], 100, true, time.Millisecond
	o.Source = func(path string, _ verify.Lag) (verify.Source, error) { return verify.File(path, ""), nil }
	o.MaxSize = 1 << 20
	trials, err := torture.Run(t.Context(), o)
	if err != nil || len(trials) != len(o.Rotations) {
		t.Errorf("%d trials, %v", len(trials), err)
	}
}
