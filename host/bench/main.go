// Command bench measures livetail beside the minimal server that is its practical ceiling: a gorilla/websocket loop that reads the file in
// blocks of 64 KiB and writes each as a frame. It follows no rotation, converts nothing and remembers nothing.
//
//	go run ./host/bench            builds livetail, measures everything, prints one table
//	go run ./host/bench -quick     the same with less of everything
//	go run ./host/bench -only one,latency
//
// Servers run as processes of their own, clients in this one. Ratios are of one run on one machine; absolute figures are not comparable
// between machines.
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
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// options are the flags.
type options struct {
	livetail string
	only     string
	dir      string
	quick    bool
	rounds   int
	bytes    int64 // one client
	clients  int   // fan-out and idle
	seconds  int   // fan-out
	samples  int   // latency
	big      int64 // last lines
	stalled  int64 // slow client
}

func main() {
	var o options
	minimal := flag.String("minimal", "", "serve as the minimal server below this folder (used by bench itself)")
	flag.StringVar(&o.livetail, "livetail", "", "livetail executable to measure (default: built from this repository)")
	flag.StringVar(&o.only, "only", "", "measure only some of one, fanout, latency, last, idle, slow; separated by commas")
	flag.StringVar(&o.dir, "dir", "", "folder for the logs, on the file system to measure (default: a temporary one)")
	flag.BoolVar(&o.quick, "quick", false, "less of everything")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *minimal != "" {
		err = serveMinimal(ctx, *minimal)
	} else {
		o.sizes()
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		stop()
		os.Exit(1)
	}
}

func (o *options) sizes() {
	o.rounds, o.bytes, o.clients, o.seconds, o.samples, o.big, o.stalled = 3, 192<<20, 1000, 6, 2000, 1<<30, 500<<20
	if o.quick {
		o.rounds, o.bytes, o.clients, o.seconds, o.samples, o.big, o.stalled = 1, 48<<20, 200, 3, 400, 128<<20, 100<<20
	}
}

// row is a line of the table: one measure of every server.
type row struct {
	what, unit string
	values     map[string]float64 // by server
	note       string
}

// bench is one run.
type bench struct {
	options
	servers []*server
	rows    []row
}

func run(ctx context.Context, o options, out io.Writer) error {
	if err := raiseLimits(); err != nil {
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
	measures := []struct {
		name string
		run  func(context.Context, string) error
	}{
		// Memory first: what the others leave to the garbage collector would disturb it.
		{"idle", b.idle}, {"slow", b.slow}, {"one", b.one}, {"fanout", b.fanout}, {"latency", b.latency}, {"last", b.last},
	}
	for _, m := range measures {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), m.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", m.name)
		if err := m.run(ctx, logs); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return b.print(out)
}

const (
	// minimalName is the server that the others are compared with.
	minimalName = "minimal loop"
	// plainName is livetail by the plain protocol, which has no positions.
	plainName = "livetail plain"
)

func (b *bench) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "what\t")
	for _, s := range b.servers {
		fmt.Fprintf(w, "%s\t", s.name)
		if s.name != minimalName {
			fmt.Fprint(w, "ratio\t")
		}
	}
	fmt.Fprintln(w, "\t")
	for _, r := range b.rows {
		fmt.Fprintf(w, "%s, %s\t", r.what, r.unit)
		base := r.values[minimalName]
		for _, s := range b.servers {
			v, ok := r.values[s.name]
			if !ok {
				fmt.Fprint(w, "–\t")
				if s.name != minimalName {
					fmt.Fprint(w, "\t")
				}
				continue
			}
			fmt.Fprintf(w, "%s\t", number(v))
			if s.name != minimalName {
				if base > 0 {
					fmt.Fprintf(w, "%.2f\t", v/base)
				} else {
					fmt.Fprint(w, "\t")
				}
			}
		}
		fmt.Fprintf(w, "%s\t\n", r.note)
	}
	return w.Flush()
}

func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func (b *bench) add(what, unit, note string, values map[string]float64) {
	b.rows = append(b.rows, row{what: what, unit: unit, values: values, note: note})
}

// medians returns the median of each list.
func medians(lists map[string][]float64) map[string]float64 {
	out := map[string]float64{}
	for name, list := range lists {
		slices.Sort(list)
		out[name] = list[len(list)/2]
	}
	return out
}

func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}
