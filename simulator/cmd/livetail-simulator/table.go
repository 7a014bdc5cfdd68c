package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/livetail/livetail/simulator/internal/torture"
	"github.com/livetail/livetail/simulator/internal/verify"
)

// What a line of torture's table is.
const (
	byCell     = "cell"
	byRotation = "rotation"
	byAll      = "all"
)

// group is the trials of one line of the table, added up.
type group struct {
	rotate, speed, lag string
	tried, ok          int
	rotations          int64
	sum                verify.Report
	p99                time.Duration
	error              string // of the first trial that had one
}

// groups adds up trials, in the order in which they were made.
func groups(trials []torture.Trial, by string) (all []*group) {
	found := map[[3]string]*group{}
	for _, t := range trials {
		key := [3]string{t.Rotate, speed(t.Rate), t.Lag}
		switch by {
		case byRotation:
			key[1], key[2] = "all", "all"
		case byAll:
			key = [3]string{"all", "all", "all"}
		}
		g := found[key]
		if g == nil {
			g = &group{rotate: key[0], speed: key[1], lag: key[2]}
			found[key], all = g, append(all, g)
		}
		g.add(t)
	}
	return all
}

func (g *group) add(t torture.Trial) {
	g.tried++
	if t.OK() {
		g.ok++
	}
	if g.error == "" {
		g.error = t.Error
	}
	r := t.Report
	g.rotations += t.Rotations
	g.sum.Written += r.Written
	g.sum.Delivered += r.Delivered
	g.sum.Declared += r.Declared
	g.sum.Lost += r.Lost
	g.sum.Doubled += r.Doubled
	g.sum.Reordered += r.Reordered
	g.sum.Late += r.Late
	g.sum.Corrupted += r.Corrupted
	g.sum.Overdeclared += r.Overdeclared
	g.p99 = max(g.p99, r.Latency.P99)
}

func (g *group) verdict() string {
	verdict := "ok"
	if g.ok < g.tried {
		verdict = "FAILED"
	}
	if g.tried > 1 {
		verdict = fmt.Sprintf("%d of %d ok", g.ok, g.tried)
	}
	if g.sum.Overdeclared > 0 {
		verdict += fmt.Sprintf(": %d lines declared missing that were not", g.sum.Overdeclared)
	}
	if g.error != "" {
		verdict += ": " + g.error
	}
	return verdict
}

func printTrials(c *cobra.Command, trials []torture.Trial, by string, asJSON bool) error {
	out := c.OutOrStdout()
	if asJSON {
		e := json.NewEncoder(out)
		for _, t := range trials {
			if err := e.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	if len(trials) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if d := newDisplay(out); d.terminal && d.columns() < wide {
		narrowTable(w, groups(trials, by))
	} else {
		wideTable(w, groups(trials, by))
	}
	return w.Flush()
}

// wide is how many columns the whole table takes.
const wide = 135

func wideTable(w io.Writer, all []*group) {
	fmt.Fprintln(w, "rotate\tspeed\tlag\trotations\twritten\tdelivered\tdeclared\tlost\tdoubled\treordered\tlate\tcorrupted\tp99\tverdict\t")
	for _, g := range all {
		r := g.sum
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", g.rotate, g.speed, g.lag, g.rotations, r.Written,
			r.Delivered, r.Declared, r.Lost, r.Doubled, r.Reordered, r.Late, r.Corrupted, g.p99.Round(time.Millisecond), g.verdict())
	}
}

// narrowTable is for terminals of 80 columns: what is right or wrong, without the details.
func narrowTable(w io.Writer, all []*group) {
	fmt.Fprintln(w, "rotate\tspeed\tlag\tlines\tdeclared\tlost\tother faults\tverdict\t")
	for _, g := range all {
		r := g.sum
		verdict, _, _ := strings.Cut(g.verdict(), ":")
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t\n", g.rotate, g.speed, g.lag, r.Written, r.Declared, r.Lost,
			r.Doubled+r.Reordered+r.Corrupted, verdict)
	}
}
