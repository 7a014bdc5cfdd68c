package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/livetail/livetail/simulator"
)

// speedLine is as long as the lines of the others are, which begin with the time.
const speedLine = "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - " + simulator.DefaultMessage + "\n"

// contender is a way to write lines as fast as it goes: into a new folder, for so long.
type contender struct {
	name, note string
	write      func(ctx context.Context, dir string, d time.Duration) (result, error)
}

// result is what a contender wrote, and how long it took.
type result struct {
	lines, bytes int64
	took         time.Duration
}

// pace is how fast a contender was in one round.
type pace struct{ lines, bytes float64 } // in a second

func newSpeed() *cobra.Command {
	var dir string
	var duration time.Duration
	var rounds int
	c := &cobra.Command{
		Use:   "speed",
		Short: "Measure how fast lines can be written here, by this program and by others",
		Long: `speed writes lines as fast as it goes, in turns: the program yes into a file, which formats nothing and rotates nothing; a loop that formats
a line and hands it to lumberjack; and the loggers of "run" with lumberjack's rotation at 100MB. It prints a table of medians.

Each writes for --duration in each of --rounds. Up to some GB are needed in --dir, which are deleted at once.`,
		Example: `  livetail-simulator speed --dir /var/log/try --rounds 5`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if duration <= 0 || rounds < 1 {
				return usage(errors.New("duration must be positive and rounds at least 1"))
			}
			temporary, err := os.MkdirTemp(dir, "livetail-speed-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(temporary)
			return speedTable(c, temporary, duration, rounds)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "where to write, on the disk to measure (default: the temporary folder)")
	f.DurationVar(&duration, "duration", time.Second, "how long each writes in a round")
	f.IntVar(&rounds, "rounds", 3, "how often each has its turn")
	return c
}

var contenders = []contender{
	{"yes > file", "no formatting, no rotation", yes},
	{"loop into lumberjack", "one write a line, no formatting but the time", plainLoop},
	{"run --logger direct", "as run does it", logger(simulator.LoggerDirect, false)},
	{"run --logger direct --sequence", "number and checksum on each line", logger(simulator.LoggerDirect, true)},
	{"run --logger logrus", "one write a line", logger(simulator.LoggerLogrus, false)},
}

// yes has the program of that name write, from its first line on.
func yes(ctx context.Context, dir string, d time.Duration) (r result, err error) {
	f, err := os.Create(filepath.Join(dir, "yes.log"))
	if err != nil {
		return r, err
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "yes", strings.TrimSuffix(speedLine, "\n"))
	cmd.Stdout = f
	if err := cmd.Start(); err != nil {
		return r, err
	}
	size := func() (n int64) {
		if info, err := f.Stat(); err == nil {
			n = info.Size()
		}
		return n
	}
	for begun := time.Now(); size() == 0 && ctx.Err() == nil && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
	before, start := size(), time.Now()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	r.bytes, r.took = size()-before, time.Since(start)
	r.lines = r.bytes / int64(len(speedLine))
	cancel()
	_ = cmd.Wait() // It was killed.
	return r, nil
}

// plainLoop is what a program with lumberjack does that formats the time into each line and nothing else.
func plainLoop(ctx context.Context, dir string, d time.Duration) (r result, err error) {
	l := &lumberjack.Logger{Filename: filepath.Join(dir, "app.log"), MaxSize: simulator.DefaultMaxSize >> 20, MaxBackups: 2}
	var buf []byte
	for start := time.Now(); r.took < d && ctx.Err() == nil; {
		now := time.Now()
		buf = now.AppendFormat(buf[:0], "2006-01-02 15:04:05.000")
		buf = append(buf, speedLine[len(buf):]...)
		n, err := l.Write(buf)
		if err != nil {
			return r, errors.Join(err, l.Close())
		}
		r.lines++
		r.bytes += int64(n)
		r.took = now.Sub(start)
	}
	return r, l.Close()
}

// logger writes as run does.
func logger(l simulator.Logger, sequence bool) func(context.Context, string, time.Duration) (result, error) {
	return func(ctx context.Context, dir string, d time.Duration) (result, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		r, err := simulator.Run(ctx, simulator.RunOptions{File: filepath.Join(dir, "app.log"), MaxBackups: 2, Logger: l, Sequence: sequence})
		return result{r.Lines, r.Bytes, r.Elapsed}, err
	}
}

func speedTable(c *cobra.Command, dir string, d time.Duration, rounds int) error {
	ctx := c.Context()
	paces := make([][]pace, len(contenders))
	for range rounds {
		for i, one := range contenders {
			folder := filepath.Join(dir, "round")
			if err := os.Mkdir(folder, 0o755); err != nil {
				return err
			}
			r, err := one.write(ctx, folder, d)
			if errors.Is(err, exec.ErrNotFound) {
				err = nil // No such program here: no figure for it.
			} else if err == nil && r.took > 0 {
				paces[i] = append(paces[i], pace{float64(r.lines) / r.took.Seconds(), float64(r.bytes) / r.took.Seconds()})
			}
			if err := errors.Join(err, os.RemoveAll(folder), ctx.Err()); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tlines/s\tMB/s\tof yes\t")
	ceiling := middle(paces[0])
	for i, one := range contenders {
		if len(paces[i]) == 0 {
			fmt.Fprintf(w, "%s\t–\t–\t–\tnot installed\n", one.name)
			continue
		}
		p, share := middle(paces[i]), "–"
		if ceiling.bytes > 0 {
			share = fmt.Sprintf("%.2f", p.bytes/ceiling.bytes)
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%s\t%s\n", one.name, count(int64(p.lines)), p.bytes/1e6, share, one.note)
	}
	return w.Flush()
}

// middle returns the median.
func middle(paces []pace) pace {
	if len(paces) == 0 {
		return pace{}
	}
	sorted := slices.SortedFunc(slices.Values(paces), func(a, b pace) int { return int(a.bytes - b.bytes) })
	return sorted[len(sorted)/2]
}
