package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is a line of the table: one measure of every server. The i-th figures of all servers are of the same round.
type row struct {
	what, unit string
	figures    map[string][]float64 // by server
	note       string
}

// figure adds a figure of a server to a row, which is made when it is needed.
func (b *bench) figure(s *server, what, unit, note string, v float64) {
	i := slices.IndexFunc(b.rows, func(r *row) bool { return r.what == what && r.unit == unit && r.note == note })
	if i < 0 {
		i = len(b.rows)
		b.rows = append(b.rows, &row{what: what, unit: unit, note: note, figures: map[string][]float64{}})
	}
	b.rows[i].figures[s.name] = append(b.rows[i].figures[s.name], v)
}

// value returns the median of a server's figures.
func (r *row) value(server string) (v float64, ok bool) { return median(r.figures[server]) }

// grown is the unit of what a measure added to something. It may be next to nothing or less, so that a ratio says nothing.
const grown = "MiB grown"

// ratio returns the median of the ratios of each round to the minimal loop. A machine that is busy in one round is so for both.
func (r *row) ratio(server string) (v float64, ok bool) {
	if r.unit == grown {
		return 0, false
	}
	base := r.figures[minimalName]
	var ratios []float64
	for i, v := range r.figures[server] {
		if i < len(base) && base[i] > 0 {
			ratios = append(ratios, v/base[i])
		}
	}
	return median(ratios)
}

func median(list []float64) (v float64, ok bool) {
	if len(list) == 0 {
		return 0, false
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2, true
}

// print prints the table.
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
		for _, s := range b.servers {
			text := "–"
			if v, ok := r.value(s.name); ok {
				text = number(v)
			}
			fmt.Fprintf(w, "%s\t", text)
			if s.name == minimalName {
				continue
			}
			text = ""
			if v, ok := r.ratio(s.name); ok {
				text = fmt.Sprintf("%.2f", v)
			}
			fmt.Fprintf(w, "%s\t", text)
		}
		fmt.Fprintf(w, "%s\t\n", r.note)
	}
	return w.Flush()
}

// printBenchmarks prints every figure of every round as go test -bench does, which is what benchstat compares.
func (b *bench) printBenchmarks(out io.Writer) error {
	for _, r := range b.rows {
		name := strings.NewReplacer(" ", "_", ",", "").Replace(r.what)
		for _, s := range b.servers {
			for _, v := range r.figures[s.name] {
				_, err := fmt.Fprintf(out, "BenchmarkHost/%s/server=%s \t1\t%s %s\n", name, strings.ReplaceAll(s.name, " ", "_"), number(v),
					strings.ReplaceAll(r.unit, " ", "-"))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
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
