package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/torture"
	"github.com/livetail/livetail/simulator/internal/verify"
)

func newTorture() *cobra.Command {
	var t target
	o := torture.Options{}
	maxSize := size(256 << 10)
	rotations, lags := []string{"all"}, []string{"all"}
	rates := []string{"0", "20000"}
	by := byCell
	var asJSON bool
	c := &cobra.Command{
		Use:   "torture URL-PREFIX --dir DIR | torture -- COMMAND [ARG …]",
		Short: "Try a follower with every rotation, speed and lag, and print a table",
		Long: `torture writes one log after the other, rotated in every way, at several speeds, while a follower reads it, which lags in several ways. For
each combination it says whether every line is accounted for, and at the end it prints a table.

The follower is a front door of livetail, for which --dir must be below one of its roots, as http://127.0.0.1:8765 --dir /var/log/try; or a
command in which {file} stands for the log.

The lags: none; pause (stops reading for 2 s); slow (reads 1 MB/s).

The exit code is 0 if every line of every combination is accounted for, 1 if not, 2 for a mistake, 3 if it could not be tried. The files of a
combination that failed are kept. A table by rotation (--by) adds up the speeds and lags of each; --repeat tries everything several times.

A follower other than livetail declares nothing, so what it does not print is lost. It must print the log from its beginning, and nothing else.`,
		Example: `  livetail-simulator torture --dir /var/log/try ws://127.0.0.1:8765
  livetail-simulator torture --rotations lumberjack,logrotate --rates 0,1000 -- tail -n +1 -F {file}
  livetail-simulator torture --by rotation --repeat 3 -- busybox tail -n +1 -F {file}`,
		RunE: func(c *cobra.Command, args []string) error {
			o.MaxSize, o.Encoding, t.display = int64(maxSize), t.encoding, newDisplay(c.ErrOrStderr())
			if !slices.Contains([]string{byCell, byRotation, byAll}, by) {
				return usage(fmt.Errorf("by %q is none of cell, rotation, all", by))
			}
			remove, err := t.torture(c, args, &o, rotations, rates, lags)
			if err != nil {
				return usage(err)
			}
			defer remove()
			return tortureAll(c, t.display, o, by, asJSON)
		},
	}
	t.flags(c)
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "where the logs are written (for a command: a temporary folder)")
	f.StringSliceVar(&rotations, "rotations", rotations, "ways to rotate: all, or some of "+strings.Join(simulator.Rotations(), ", "))
	f.StringSliceVar(&rates, "rates", rates, "speeds in lines a second, 0 for as fast as it goes")
	f.StringSliceVar(&lags, "lags", lags, "ways to lag: all, or some of none, pause, slow")
	f.Int64Var(&o.Count, "count", 40_000, "lines of each combination")
	f.Var(&maxSize, "max-size", "size at which the log is rotated")
	f.IntVar(&o.MaxBackups, "max-backups", 5, "rotated files to keep, 0 for all")
	f.BoolVar(&o.Compress, "compress", false, "compress rotated files, where the rotation can")
	f.DurationVar(&o.Late, "late", 0, "how long the writer goes on in the renamed file, where the rotation can")
	f.DurationVar(&o.Settle, "settle", 500*time.Millisecond, "time that the follower has to begin at the least")
	f.DurationVar(&o.Patience, "patience", 5*time.Second, "give up a combination when nothing came for so long")
	f.IntVar(&o.Repeat, "repeat", 1, "try each combination so many times")
	f.StringVar(&by, "by", by, "what a line of the table is: cell (a combination), rotation or all")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each combination")
	return c
}

// torture fills in the options from the arguments. The function it returns removes what is not needed afterwards.
func (t *target) torture(c *cobra.Command, args []string, o *torture.Options, rotations, rates, lags []string) (remove func(), err error) {
	remove = func() {}
	if o.Rotations = rotations; slices.Contains(rotations, "all") {
		o.Rotations = slices.DeleteFunc(simulator.Rotations(), func(s string) bool { return s == "none" })
	}
	for _, text := range rates {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || rate < 0 {
			return remove, fmt.Errorf("rate %q is no number of lines a second", text)
		}
		o.Rates = append(o.Rates, rate)
	}
	for _, name := range lags {
		before := len(o.Lags)
		for _, lag := range torture.Lags() {
			if name == lag.Name || name == "all" {
				o.Lags = append(o.Lags, lag)
			}
		}
		if len(o.Lags) == before {
			return remove, fmt.Errorf("lag %q is none of none, pause, slow", name)
		}
	}
	if err := t.checkEncoding(); err != nil {
		return remove, err
	}
	for _, r := range o.Rotations {
		p := simulator.RunOptions{Rotate: r, MaxSize: o.MaxSize, MaxBackups: o.MaxBackups}
		if err := p.Check(); err != nil {
			return remove, err
		}
	}
	if o.Count < 2 || o.Settle < 0 || o.Patience <= 0 || o.Repeat < 1 {
		return remove, errors.New("count must be at least 2, repeat at least 1, settle not negative and patience positive")
	}
	if c.ArgsLenAtDash() >= 0 {
		if c.ArgsLenAtDash() > 0 || len(args) == 0 || !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "{file}") }) {
			return remove, errors.New("after -- there must be a command in which {file} stands for the log, and before it no argument")
		}
		o.Source = func(path string, lag verify.Lag) (verify.Source, error) {
			command := slices.Clone(args)
			for i := range command {
				command[i] = strings.ReplaceAll(command[i], "{file}", path)
			}
			return verify.Command(command, t.display.forCommand(), t.encoding, lag), nil
		}
		if o.Dir == "" {
			if o.Dir, err = os.MkdirTemp("", "livetail-torture-"); err != nil {
				return remove, err
			}
			dir := o.Dir
			remove = func() { _ = os.Remove(dir) } // Only if nothing was kept in it.
		}
		return remove, nil
	}
	if len(args) != 1 || o.Dir == "" {
		return remove, errors.New("say the URL of a front door and with --dir a folder below one of its roots, or -- and a command")
	}
	if _, err := client.New(args[0]+"/x", client.Options{}); err != nil {
		return remove, err
	}
	o.Source = func(path string, lag verify.Lag) (verify.Source, error) {
		u, err := logURL(args[0], path)
		if err != nil {
			return nil, err
		}
		follow := *t
		follow.lag = lag
		// More lines than there are, so that it begins with the first; the most that a front door gives.
		const all = 1_000_000
		if t.protocol == protocolV1 {
			return follow.follow(u, client.Options{Start: tail.StartAtLastLines(all)})
		}
		return follow.follow(u+"?lines="+strconv.Itoa(all), client.Options{})
	}
	return remove, nil
}

func tortureAll(c *cobra.Command, d *display, o torture.Options, by string, asJSON bool) error {
	log := newLog(d)
	total, done, failed := len(o.Rotations)*len(o.Rates)*len(o.Lags)*o.Repeat, 0, 0
	o.Done = func(t torture.Trial) {
		done++
		if !t.OK() {
			failed++
		}
		if d.terminal {
			d.show(fmt.Sprintf("%d of %d, %d failed: %s, %s, %s", done, total, failed, t.Rotate, speed(t.Rate), t.Lag))
			return
		}
		log.WithFields(logrus.Fields{
			"rotate": t.Rotate, "rate": t.Rate, "lag": t.Lag, "ok": t.OK(), "lost": t.Report.Lost, "declared": t.Report.Declared, "of": total,
		}).Info("tried")
	}
	trials, err := torture.Run(c.Context(), o)
	d.clear()
	if printErr := printTrials(c, trials, by, asJSON); printErr != nil {
		return printErr
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted after %d of %d combinations", done, total)
	case err != nil:
		return &exitError{exitSource, fmt.Errorf("given up after %d of %d combinations: %w", done, total, err)}
	case failed > 0:
		return fmt.Errorf("%d of %d combinations are not accounted for", failed, total)
	}
	return nil
}

func speed(rate float64) string {
	if rate == 0 {
		return "fast"
	}
	return strconv.FormatFloat(rate, 'f', -1, 64) + "/s"
}
