package torture_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// nobody is a follower that is not there from the n-th trial on.
func nobody(n int) func(path string, lag verify.Lag) (verify.Source, error) {
	return func(path string, lag verify.Lag) (verify.Source, error) {
		if n--; n >= 0 {
			return files(false)(path, lag)
		}
		return func(context.Context, *verify.Account) error { return errors.New("nobody is there") }, nil
	}
}

func TestRun_NobodyFollows_IsGivenUpAndSaysWhy(t *testing.T) {
	for from, want := range map[int]int{0: 0, 1: 1 + 2} { // At the beginning at once, later after three.
		o := options(t)
		o.Rates, o.Repeat, o.Count, o.Source = o.Rates[:1], 10, 1000, nobody(from)
		trials, err := torture.Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "nobody is there") || len(trials) != want {
			t.Errorf("from %d: %d trials, %v", from, len(trials), err)
		}
		if left, _ := os.ReadDir(o.Dir); len(left) != 0 {
			t.Errorf("from %d: %v were left behind", from, left)
		}
	}
}

func TestRun_FollowerThatEndsInTheMiddle_IsSaidToHave(t *testing.T) {
	o := options(t)
	o.Rates = o.Rates[:1]
	o.Source = func(path string, _ verify.Lag) (verify.Source, error) { return verify.File(path, ""), nil }
	trials, err := torture.Run(t.Context(), o)
	if err != nil || len(trials) != 1 || trials[0].OK() || !strings.Contains(trials[0].Error, "ended before the last line") {
		t.Errorf("%+v, %v", trials, err)
	}
}

func TestRun_FollowerThatFallsSilentBeforeTheLastLine_IsSaidToBeSlowPerhaps(t *testing.T) {
	o := options(t)
	o.Rates, o.Patience = o.Rates[:1], 200*time.Millisecond
	o.Source = func(path string, _ verify.Lag) (verify.Source, error) {
		return func(ctx context.Context, a *verify.Account) error {
			first, err := os.ReadFile(path)
			a.Lines(first, time.Now(), false)
			<-ctx.Done()
			return err
		}, nil
	}
	trials, err := torture.Run(t.Context(), o)
	if err != nil || len(trials) != 1 || trials[0].OK() || !strings.Contains(trials[0].Error, "nothing came for 200ms, and the last line is still to come") {
		t.Errorf("%+v, %v", trials, err)
	}
}

func TestRun_Cancelled_ReturnsWhatIsWholeAndLeavesNothingBehind(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Repeat, o.Rates = 3, []float64{100_000}
	whole := files(false)
	n := 0
	o.Source = func(path string, lag verify.Lag) (verify.Source, error) {
		if n++; n == 2 {
			time.AfterFunc(20*time.Millisecond, cancel)
		}
		return whole(path, lag)
	}
	trials, err := torture.Run(ctx, o)
	if !errors.Is(err, context.Canceled) || len(trials) != 1 || !trials[0].OK() {
		t.Errorf("%+v, %v", trials, err)
	}
	if left, _ := os.ReadDir(o.Dir); len(left) != 0 {
		t.Errorf("%v were left behind", left)
	}
}
