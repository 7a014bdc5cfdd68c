// Package simulator writes logs like a busy program does, so that whoever follows logs can be tried and tested.
//
// [Run] is the producer behind `livetail-simulator run`, for programs that want one inside.
package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/simulator/internal/lines"
	"github.com/livetail/livetail/simulator/internal/pace"
	"github.com/livetail/livetail/simulator/internal/rotate"
)

// Defaults of [RunOptions].
const (
	DefaultFile       = "logs/simulator.log"
	DefaultMessage    = lines.DefaultMessage
	DefaultMaxSize    = 100 << 20
	DefaultMaxBackups = 5
	DefaultRotate     = string(rotate.Lumberjack)
	DefaultFormat     = string(lines.Loguru)
	// MaxFiles is the most files that one Run writes.
	MaxFiles = 1000
)

// Logger says what stands between the records and the file.
type Logger string

// The loggers. They write the same bytes.
const (
	// LoggerAuto is LoggerLogrus up to 10,000 lines a second, otherwise LoggerDirect.
	LoggerAuto Logger = "auto"
	// LoggerLogrus logs each record through logrus, with one write for each.
	LoggerLogrus Logger = "logrus"
	// LoggerDirect formats records in a tight loop, with one write for what is due.
	LoggerDirect Logger = "direct"
)

// RunOptions says what is written, and how it is rotated. Zero values mean the defaults, except where 0 has a meaning of its own.
type RunOptions struct {
	// File is the log; with several Files, a number is put before its extension.
	File string
	// Files is how many logs are written at once; 0 means 1. They share Rate and Count evenly.
	Files int
	// Rotate is how the log is rotated; see Rotations.
	Rotate string
	// MaxSize is the size at which a log is rotated, in bytes.
	MaxSize int64
	// RotateEvery is after how long it is rotated as well, with the next line that comes; 0 is by size alone.
	RotateEvery time.Duration
	// MaxBackups is how many rotated files are kept for each log; 0 keeps all, and fills the disk in the end.
	MaxBackups int
	// Compress compresses rotated files with gzip.
	Compress bool
	// Late is how long the writer goes on in the renamed file, with the rotations that know it.
	Late time.Duration

	// Rate is lines a second; 0 is as fast as it goes.
	Rate float64
	// Burst makes lines come that many at once, at the same rate.
	Burst int
	// Ramp is how long the rate takes to change evenly from RampFrom to Rate; 0 is no ramp. RampFrom may be the higher one.
	Ramp     time.Duration
	RampFrom float64
	// Count ends the run after so many lines; 0 does not.
	Count int64

	// Format is the look of the lines, see Formats; or several with their weights, as in loguru=8,json=2.
	Format string
	// Encoding is that of the file, see Encodings; empty means UTF-8. Files in UTF-16 begin with a byte order mark, which Report.Bytes
	// does not count.
	Encoding string
	// Message is the text of each line.
	Message string
	// Sequence ends each line with a mark by which a verifier accounts for it.
	Sequence bool
	// Stream names the producer in the marks; empty takes a new name, so that two runs into one file are told apart, or with StartTime
	// always the same.
	Stream string
	// First is the number of the first line; 0 means 1.
	First uint64
	// Color adds loguru's colours.
	Color bool
	// Levels mixes the levels of the lines.
	Levels bool
	// TraceEvery makes every n-th record one with a stack trace on several lines; 0 makes none.
	TraceEvery int
	// Length makes records longer: 200 makes each at least so many bytes long, 80-400 evenly between, skewed:40-20000 most short and few
	// long. Empty makes none longer.
	Length string
	// Seed chooses levels, formats and lengths; the same seed makes the same lines, apart from their time.
	Seed uint64
	// StartTime is the time that the first record carries, each of the others coming 1/Rate later, or a millisecond without a rate. With it
	// the same options write the same bytes, into files that are rotated at the same lines. Zero means the time of the clock.
	StartTime time.Time
	// Logger is what stands between records and file; empty means LoggerAuto.
	Logger Logger

	// Progress is told once a ProgressEvery how far the run is; nil or 0 means never. It is called by one goroutine at a time.
	Progress      func(Report)
	ProgressEvery time.Duration
	// Warn is told what goes wrong without ending the run, e.g. a full disk, which Run waits out. Nil drops it. It may be called by
	// several goroutines at once.
	Warn func(error)
}

// Rotations lists what RunOptions.Rotate may be.
func Rotations() []string { return texts(rotate.Styles()) }

// Formats lists what RunOptions.Format may be.
func Formats() []string { return texts(lines.Formats()) }

// Encodings lists what RunOptions.Encoding may be.
func Encodings() []string { return lines.Encodings() }

func texts[T ~string](in []T) (out []string) {
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

// Report says what a run wrote. What it counts is on disk.
type Report struct {
	// Files are the logs.
	Files []string `json:"files"`
	// Streams are the names of the producers in the marks, one for each file; empty without marks.
	Streams []string `json:"streams,omitempty"`
	// Lines and Bytes are what was written.
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
	// Rotations counts rotations.
	Rotations int64 `json:"rotations"`
	// Torn counts lines of which only the beginning is on disk, because the run was ended while the disk was full.
	Torn int64 `json:"torn"`
	// Blocked is how long nothing could be written, in nanoseconds.
	Blocked time.Duration `json:"blocked_ns"`
	// Elapsed is how long the run took, in nanoseconds.
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Run writes until Count lines are written, which ends it with a nil error, or ctx is cancelled, which is a normal end too. Any other
// error is why it could not go on. The report is right in every case.
func Run(ctx context.Context, o RunOptions) (Report, error) {
	producers, err := prepare(&o)
	if err != nil {
		return Report{}, err
	}
	start := time.Now()
	report := func() Report {
		r := Report{Elapsed: time.Since(start)}
		for _, p := range producers {
			p.addTo(&r)
		}
		return r
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var work, side sync.WaitGroup
	for _, p := range producers {
		work.Go(func() { // Ends at its count, or with ctx.
			if err := p.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	if o.Progress != nil && o.ProgressEvery > 0 {
		stop := make(chan struct{})
		side.Go(func() { // Ends when the producers have, below.
			t := time.NewTicker(o.ProgressEvery)
			defer t.Stop()
			for {
				select {
				case <-t.C:
					o.Progress(report())
				case <-stop:
					return
				}
			}
		})
		defer side.Wait()
		defer close(stop)
	}
	work.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, ctx.Err()) {
		return report(), err
	}
	return report(), nil
}

func (o *RunOptions) defaults() {
	if o.File == "" {
		o.File = DefaultFile
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.Message == "" {
		o.Message = DefaultMessage
	}
	if o.Files == 0 {
		o.Files = 1
	}
	if o.Stream == "" && !o.StartTime.IsZero() {
		o.Stream = lines.DefaultStream
	}
	if o.Stream == "" {
		o.Stream = strings.ToLower(rand.Text()[:6])
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.Logger == "" {
		o.Logger = LoggerAuto
	}
}

// Check tells whether Run would accept the options, without touching a file.
func (o RunOptions) Check() error {
	o.defaults()
	if err := lines.CheckMessage(o.Message); err != nil {
		return err
	}
	switch {
	case o.Files < 1 || o.Files > MaxFiles:
		return fmt.Errorf("files %d must be from 1 to %d", o.Files, MaxFiles)
	case o.Count < 0:
		return fmt.Errorf("count %d must not be negative", o.Count)
	case o.RotateEvery < 0:
		return fmt.Errorf("rotate-every %v must not be negative", o.RotateEvery)
	case o.TraceEvery < 0:
		return fmt.Errorf("trace-every %d must not be negative", o.TraceEvery)
	case o.Logger != LoggerAuto && o.Logger != LoggerLogrus && o.Logger != LoggerDirect:
		return fmt.Errorf("logger %q is unknown; use auto, logrus or direct", o.Logger)
	}
	if _, err := pace.New(o.pace()); err != nil {
		return err
	}
	f, err := o.formatter(0)
	if err != nil {
		return err
	}
	if _, err := lines.NewFormatter(f); err != nil {
		return err
	}
	e, err := lines.NewEncoder(o.Encoding)
	if err != nil {
		return err
	}
	if err := e.Check(o.Message); err != nil {
		return err
	}
	return o.log(0).Check()
}

func (o *RunOptions) pace() pace.Options {
	n := float64(o.Files)
	return pace.Options{Rate: o.Rate / n, Burst: o.Burst, Ramp: o.Ramp, From: o.RampFrom / n}
}

func (o *RunOptions) stream(i int) string {
	if o.Files == 1 {
		return o.Stream
	}
	return o.Stream + strconv.Itoa(i+1)
}

func (o *RunOptions) formatter(i int) (f lines.Options, err error) {
	f = lines.Options{Sequence: o.Sequence, First: o.First, Stream: o.stream(i), Color: o.Color, Seed: o.Seed + uint64(i)}
	if o.Format != "" {
		if f.Formats, err = lines.ParseFormats(o.Format); err != nil {
			return f, err
		}
	}
	if o.Length != "" {
		f.Length, err = lines.ParseLength(o.Length)
	}
	return f, err
}

func (o *RunOptions) log(i int) rotate.Options {
	path := o.File
	if o.Files > 1 {
		ext := filepath.Ext(path)
		path = strings.TrimSuffix(path, ext) + "-" + strconv.Itoa(i+1) + ext
	}
	return rotate.Options{
		Path: path, Style: rotate.Style(o.Rotate), MaxSize: o.MaxSize, MaxBackups: o.MaxBackups, Compress: o.Compress, Late: o.Late,
		Mark: o.mark(),
	}
}

// mark returns what files begin with; that the encoding exists is checked before.
func (o *RunOptions) mark() []byte {
	e, err := lines.NewEncoder(o.Encoding)
	if err != nil {
		return nil
	}
	return e.Mark()
}

// prepare opens everything; if one thing fails, nothing stays open.
func prepare(o *RunOptions) (producers []*producer, err error) {
	o.defaults()
	if err := o.Check(); err != nil {
		return nil, err
	}
	for i := range o.Files {
		p, err := newProducer(o, i)
		if err != nil {
			for _, p := range producers {
				err = errors.Join(err, p.log.Close())
			}
			return nil, err
		}
		producers = append(producers, p)
	}
	return producers, nil
}
