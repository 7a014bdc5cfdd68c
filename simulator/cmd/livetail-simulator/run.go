package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/livetail/livetail/simulator"
)

func newRun() *cobra.Command {
	var o simulator.RunOptions
	maxSize := size(simulator.DefaultMaxSize)
	var duration time.Duration
	var metrics, startTime string
	c := &cobra.Command{
		Use:   "run",
		Short: "Write a log and rotate it",
		Long: `run writes lines into a log and rotates it, as fast as it goes unless told otherwise.

Unless told otherwise it writes what loguru would, rotates at 100MB as lumberjack does, and keeps 5 rotated files, so that it takes up
600MB of disk at the most. --max-backups 0 keeps all: then nothing but --count, --duration or a full disk ends it. When the disk is full it waits,
says so every 10 seconds, and goes on when there is room.

SIGINT, SIGTERM and SIGHUP end it; what it says it has written is on disk.

Up to 10,000 lines a second the lines go through logrus, one write each; above that, or without a rate, the same bytes are formatted in a
tight loop and written in blocks of up to 64KB. --logger decides otherwise.

On a terminal a line says how far it is, otherwise a JSON object every 10 seconds; at the end there is a summary. --metrics serves the same to
Prometheus meanwhile.

Rotations: ` + strings.Join(simulator.Rotations(), ", ") + `
Formats:   ` + strings.Join(simulator.Formats(), ", ") + `; or several with their weights: loguru=8,json=2
Encodings: ` + strings.Join(simulator.Encodings(), ", "),
		Example: `  livetail-simulator run
  livetail-simulator run --rate 200 --max-size 1MB --sequence
  livetail-simulator run --rotate logrotate --compress --late 100ms --levels --trace-every 100 --color --count 1000000
  livetail-simulator run --rate 5000 --ramp 1m --format loguru=8,json=1,nginx=1 --length skewed:80-20000 --metrics 127.0.0.1:9464`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.MaxSize = int64(maxSize)
			if maxSize == 0 {
				return usage(errors.New("max-size 0 is no size; --rotate none does without rotation"))
			}
			if duration < 0 {
				return usage(fmt.Errorf("duration %v must not be negative", duration))
			}
			if startTime != "" {
				var err error
				if o.StartTime, err = time.Parse(time.RFC3339Nano, startTime); err != nil {
					return usage(fmt.Errorf("start-time %q must be written as 2020-09-17T08:59:00Z", startTime))
				}
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			return produce(c.Context(), o, duration, metrics, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.File, "file", simulator.DefaultFile, "the log")
	f.IntVar(&o.Files, "files", 1, "write so many logs at once, with numbers in their names; they share --rate and --count")
	f.StringVar(&o.Rotate, "rotate", simulator.DefaultRotate, "how the log is rotated")
	f.Var(&maxSize, "max-size", "size at which the log is rotated")
	f.DurationVar(&o.RotateEvery, "rotate-every", 0, "time after which the log is rotated as well, 0 for by size alone")
	f.IntVar(&o.MaxBackups, "max-backups", simulator.DefaultMaxBackups, "rotated files to keep, 0 for all")
	f.BoolVar(&o.Compress, "compress", false, "compress rotated files with gzip")
	f.DurationVar(&o.Late, "late", 0, "with rotate late, logrotate or kubelet: how long the writer goes on in the renamed file")
	f.Float64Var(&o.Rate, "rate", 0, "lines a second, 0 for as fast as it goes")
	f.IntVar(&o.Burst, "burst", 0, "write so many lines at once, at the same rate")
	f.DurationVar(&o.Ramp, "ramp", 0, "let the rate change evenly from --ramp-from to --rate for so long")
	f.Float64Var(&o.RampFrom, "ramp-from", 0, "lines a second at the start of --ramp; may be the higher one")
	f.Int64Var(&o.Count, "count", 0, "end after so many lines, 0 for never")
	f.DurationVar(&duration, "duration", 0, "end after so long, 0 for never")
	f.StringVar(&o.Format, "format", simulator.DefaultFormat, "how a line looks, or several with their weights")
	f.StringVar(&o.Encoding, "encoding", "utf-8", "encoding of the file; UTF-16 has a byte order mark in each file")
	f.StringVar(&o.Message, "message", simulator.DefaultMessage, "text of each line")
	f.BoolVar(&o.Sequence, "sequence", false, "end each line with a number and checksum, which verify accounts for")
	f.StringVar(&o.Stream, "stream", "", "name of this producer in the numbers (default: a new one for each run)")
	f.Uint64Var(&o.First, "first", 1, "number of the first line")
	f.BoolVar(&o.Color, "color", false, "with loguru's colours")
	f.BoolVar(&o.Levels, "levels", false, "mix the levels")
	f.IntVar(&o.TraceEvery, "trace-every", 0, "make every n-th record one with a stack trace on several lines")
	f.StringVar(&o.Length, "length", "", "make lines longer: 200 (at least), 80-400 (evenly between), skewed:40-20000 (most short, few long)")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of levels, formats and lengths: the same one makes the same lines, apart from their time")
	f.StringVar(&startTime, "start-time", "", "time of the first record, as in 2020-09-17T08:59:00Z, the others 1/--rate or 1ms apart: with the same --seed the same bytes")
	f.StringVar((*string)(&o.Logger), "logger", string(simulator.LoggerAuto), "what writes the lines: auto, logrus or direct")
	f.StringVar(&metrics, "metrics", "", "serve metrics for Prometheus at this address, as in 127.0.0.1:9464")
	return c
}

// produce runs the simulator: a line of progress on a terminal, JSON otherwise, and one line at the end.
func produce(ctx context.Context, o simulator.RunOptions, duration time.Duration, metrics string, stdout, stderr io.Writer) error {
	if duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	var now current[simulator.Report]
	stop, err := serveMetrics(metrics, func() []sample { return runSamples(now.get()) })
	if err != nil {
		return err
	}
	defer stop()
	d := newDisplay(stderr)
	log := newLog(d)
	o.Warn = func(err error) { log.Warn(err) }
	o.ProgressEvery = time.Second
	logged, before := time.Now(), simulator.Report{}
	o.Progress = func(r simulator.Report) {
		now.set(r)
		d.show(progress(before, r))
		before = r
		if !d.terminal && time.Since(logged) >= logEvery {
			logged = time.Now()
			log.WithFields(logrus.Fields{
				"lines": r.Lines, "bytes": r.Bytes, "rotations": r.Rotations, "lines_per_second": perSecond(r.Lines, r.Elapsed),
			}).Info("writing")
		}
	}
	r, err := simulator.Run(ctx, o)
	d.clear()
	if r.Files != nil {
		text := summary(r)
		if !isTerminal(stdout) {
			b, marshalErr := json.Marshal(r)
			if marshalErr != nil {
				return marshalErr
			}
			text = string(b)
		}
		if _, printErr := fmt.Fprintln(stdout, text); printErr != nil && err == nil {
			err = printErr
		}
	}
	return err
}

// logEvery is how often the state is logged where no terminal shows it. It is less than ten seconds by as much as looks may be late.
const logEvery = 9900 * time.Millisecond

// progress is how fast it goes now, since the report before, and how far it is; the most important first, for lines are short.
func progress(before, r simulator.Report) string {
	took := r.Elapsed - before.Elapsed
	s := fmt.Sprintf("%s lines/s, %s/s; %s lines, %s, %s rotations", count(perSecond(r.Lines-before.Lines, took)),
		bytesText(perSecond(r.Bytes-before.Bytes, took)), count(r.Lines), bytesText(r.Bytes), count(r.Rotations))
	if blocked := r.Blocked - before.Blocked; blocked > 0 {
		s += ", waiting for room"
	}
	return s + ", " + r.Elapsed.Round(time.Second).String() + ": " + files(r)
}

func files(r simulator.Report) string {
	if len(r.Files) > 1 {
		return fmt.Sprintf("%d files", len(r.Files))
	}
	return r.Files[0]
}

func summary(r simulator.Report) string {
	s := fmt.Sprintf("%s: %s lines, %s, %s rotations in %s: %s lines/s, %s/s", files(r), count(r.Lines), bytesText(r.Bytes), count(r.Rotations),
		r.Elapsed.Round(time.Millisecond), count(perSecond(r.Lines, r.Elapsed)), bytesText(perSecond(r.Bytes, r.Elapsed)))
	if r.Torn > 0 {
		s += fmt.Sprintf(", %d torn", r.Torn)
	}
	if r.Blocked > 0 {
		s += fmt.Sprintf(", blocked %s", r.Blocked.Round(time.Millisecond))
	}
	return s
}
