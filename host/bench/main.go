// Command bench measures livetail beside the minimal server that is its practical ceiling: a gorilla/websocket loop that reads the file in
// blocks of 64 KiB and writes each as a frame. It follows no rotation, converts nothing and remembers nothing.
//
//	go run ./host/bench            builds livetail, measures everything, prints one table
//	go run ./host/bench -quick     the same with less of everything
//	go run ./host/bench -only one -rounds 5 -dir /dev/shm
//
// Servers run as processes of their own, clients in this one. Every figure is the median of its rounds, in each of which all servers are
// measured one after the other; every ratio is the median of the rounds' ratios. Absolute figures are not comparable between machines.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	livetail   string
	only       string
	dir        string
	fanouts    string
	quick      bool
	benchmarks bool
	rounds     int
	bytes      int64         // one client
	clients    []int         // fan-out
	rate       int           // fan-out: lines a second, 0 for what fits the number of viewers
	sleepers   int           // idle
	seconds    int           // fan-out
	samples    int           // latency, in each round
	big        int64         // last lines
	stalled    int64         // slow client
	still      time.Duration // idle: how long is looked on
	stall      time.Duration // slow client: how long it stops
}

func main() {
	var o options
	minimal := flag.String("minimal", "", "serve as the minimal server below this folder (used by bench itself)")
	flag.StringVar(&o.livetail, "livetail", "", "livetail executable to measure (default: built from this repository)")
	flag.StringVar(&o.only, "only", "", "measure only some of one, fanout, latency, last, idle, slow; separated by commas")
	flag.StringVar(&o.dir, "dir", "", "folder for the logs, on the file system to measure; /dev/shm leaves the disk out (default: a temporary one)")
	flag.StringVar(&o.fanouts, "fanout", "", "numbers of viewers for fanout, separated by commas (default: 10,100,1000,10000)")
	flag.IntVar(&o.rate, "rate", 0, "lines a second for fanout, of 120 bytes, in steps of 100 (default: 2000, or 100 for more than 2000 viewers)")
	flag.IntVar(&o.sleepers, "idle", 0, "number of sessions for idle (default: 10000)")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of each measure (default: 3, with -quick 1)")
	flag.BoolVar(&o.quick, "quick", false, "less of everything")
	flag.BoolVar(&o.benchmarks, "benchstat", false, "print the figures of all rounds as go test -bench does, for benchstat, instead of the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *minimal != "" {
		err = serveMinimal(ctx, *minimal)
	} else if err = o.sizes(); err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		stop()
		os.Exit(1)
	}
}

// sizes fills in what the flags leave open.
func (o *options) sizes() error {
	rounds, sleepers, fanouts := 3, 10_000, "10,100,1000,10000"
	o.still, o.stall = 10*time.Second, 8*time.Second
	o.bytes, o.seconds, o.samples, o.big, o.stalled = 192<<20, 4, 700, 1<<30, 500<<20
	if o.quick {
		rounds, sleepers, fanouts = 1, 1000, "10,200"
		o.bytes, o.seconds, o.samples, o.big, o.stalled = 48<<20, 3, 400, 128<<20, 100<<20
		o.still, o.stall = 4*time.Second, 3*time.Second
	}
	if o.rounds == 0 {
		o.rounds = rounds
	}
	if o.sleepers == 0 {
		o.sleepers = sleepers
	}
	if o.fanouts == "" {
		o.fanouts = fanouts
	}
	for text := range strings.SplitSeq(o.fanouts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-fanout: %q is no number of viewers", text)
		}
		o.clients = append(o.clients, n)
	}
	if o.rounds < 1 || o.sleepers < 1 || o.rate < 0 {
		return fmt.Errorf("-rounds %d and -idle %d must be at least 1, and -rate %d not negative", o.rounds, o.sleepers, o.rate)
	}
	for name := range strings.SplitSeq(o.only, ",") {
		if o.only != "" && !slices.ContainsFunc(measures, func(m measure) bool { return m.name == name }) {
			return fmt.Errorf("-only: %q is none of one, fanout, latency, last, idle, slow", name)
		}
	}
	return nil
}

// measure is one thing that is measured, of all servers.
type measure struct {
	name string
	run  func(b *bench, ctx context.Context, dir string) error
}

var measures = []measure{
	// Memory first: what the others leave to the garbage collector would disturb it.
	{"idle", (*bench).idle},
	{"slow", (*bench).slow},
	{"one", (*bench).one},
	{"fanout", (*bench).fanout},
	{"latency", (*bench).latency},
	{"last", (*bench).last},
}

// bench is one run.
type bench struct {
	options
	servers []*server
	rows    []*row
}

// turn returns the servers in the order of a round. Each round begins with another, so that what one leaves behind strikes all alike.
func (b *bench) turn(round int) []*server {
	i := round % len(b.servers)
	return slices.Concat(b.servers[i:], b.servers[:i])
}

func run(ctx context.Context, o options, out io.Writer) error {
	if err := raiseLimits(max(slices.Max(o.clients), o.sleepers)); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "livetail-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.livetail == "" {
		o.livetail = filepath.Join(dir, "livetail")
		fmt.Fprintln(os.Stderr, "building livetail")
		if text, err := exec.CommandContext(ctx, "go", "build", "-o", o.livetail, "github.com/livetail/livetail/host/cmd/livetail").CombinedOutput(); err != nil {
			return fmt.Errorf("build livetail: %w\n%s", err, text)
		}
	}
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o755); err != nil {
		return err
	}
	b := &bench{options: o}
	defer func() {
		for _, s := range b.servers {
			s.stop()
		}
	}()
	if err := b.start(ctx, logs); err != nil {
		return err
	}
	for _, m := range measures {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), m.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", m.name)
		if err := m.run(b, ctx, logs); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	if o.benchmarks {
		return b.printBenchmarks(out)
	}
	return b.print(out)
}

const (
	// minimalName is the server that the others are compared with.
	minimalName = "minimal loop"
	// plainName is livetail by the plain protocol, which has no positions.
	plainName = "livetail plain"
)
