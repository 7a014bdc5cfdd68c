package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is the state of an account.
type Report struct {
	// OK means that every line that was written is delivered in its place or declared missing, once and intact.
	OK bool `json:"ok"`
	// Written is how many lines there were: from the first to the last one seen, or those expected.
	Written int64 `json:"written"`
	// Delivered are different lines that came intact; Declared are lines that did not, and the follower said so; Lost are the others,
	// corrupted ones included. Written = Delivered + Declared + Lost.
	Delivered int64 `json:"delivered"`
	Declared  int64 `json:"declared"`
	Lost      int64 `json:"lost"`
	// Doubled lines came again. Reordered ones came later than they should have, without being called late; Late ones were.
	Doubled   int64 `json:"doubled"`
	Reordered int64 `json:"reordered"`
	Late      int64 `json:"late"`
	// Corrupted lines do not match their checksum. Unmarked ones have none: other programs' lines, or remains of torn ones.
	Corrupted int64 `json:"corrupted"`
	Unmarked  int64 `json:"unmarked"`
	// Gaps counts declarations by cause. PossibleGaps are those of them that are not certain; EmptyGaps those that are, although no line was
	// missing there.
	Gaps         map[string]int64 `json:"gaps"`
	PossibleGaps int64            `json:"possible_gaps"`
	EmptyGaps    int64            `json:"empty_gaps"`
	// Overdeclared are lines that gaps declared missing, by their number, and that were not: a report of losses that is wrong. They can be
	// told only where a single producer wrote all lines.
	Overdeclared int64 `json:"overdeclared"`
	// Wanted is how many lines there should have been, if that was said.
	Wanted int64 `json:"wanted,omitempty"`
	// Streams is how many producers were seen.
	Streams int `json:"streams"`
	// Bytes is how much text came, without colours and markup.
	Bytes int64 `json:"bytes"`
	// Elapsed is from the first line to the last, in nanoseconds.
	Elapsed time.Duration `json:"elapsed_ns"`
	// Latency is from the making of a line to its arrival, for lines made since the verifier began.
	Latency Latency `json:"latency"`
	// Settled means that there were too many holes to remember them all, so that very late lines count as doubled.
	Settled bool `json:"settled,omitempty"`
	// Missing are the first holes that nobody declared, as STREAM:FROM-TO.
	Missing []string `json:"missing,omitempty"`
	// Odd are the first corrupted and unmarked lines.
	Odd []string `json:"odd,omitempty"`
}

// Latency is how long lines took, in nanoseconds. The percentiles are right to 4 %.
type Latency struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Report returns the state of the account.
func (a *Account) Report() Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := Report{
		Doubled: a.doubled, Reordered: a.reordered, Late: a.late, Corrupted: a.corrupted, Unmarked: a.unmarked,
		Gaps: maps.Clone(a.gaps), PossibleGaps: a.possible, Streams: len(a.streams), Bytes: a.bytes, Settled: a.settled,
		Odd: slices.Clone(a.examples), Latency: a.latency.report(), Elapsed: a.lastArrival.Sub(a.firstArrival),
	}
	gaps, passed := a.declared.clone(), a.declared.end()
	for _, name := range slices.Sorted(maps.Keys(a.streams)) {
		s := a.streams[name]
		next, declared, lost := s.next, s.declared, s.lost
		end, known := a.expected[name]
		if end++; !known || end < next {
			passed = min(passed, s.passed) // It may go on after the gaps.
		} else if end > next {
			// What was written last has not come.
			n := end - next
			explained := gaps.explain(s.passed, n)
			declared += explained
			lost += n - explained
			if n > explained {
				r.Missing = appendMissing(r.Missing, name, hole{from: next, to: end})
			}
			next = end
		}
		for _, h := range s.holes {
			declared += h.declared
			lost += h.size() - h.declared
			if h.declared < h.size() {
				r.Missing = appendMissing(r.Missing, name, h)
			}
		}
		r.Written += int64(next - s.first)
		r.Delivered += int64(s.delivered)
		r.Declared += int64(declared)
		r.Lost += int64(lost)
	}
	empty, over := gaps.judge(passed)
	if r.EmptyGaps = int64(empty); len(a.streams) == 1 && a.unmarked == 0 {
		r.Overdeclared = int64(over)
	}
	r.OK = r.Written > 0 && r.Lost == 0 && r.Doubled == 0 && r.Reordered == 0 && r.Corrupted == 0 && r.Overdeclared == 0 &&
		r.Written == r.Delivered+r.Declared
	return r
}

func appendMissing(missing []string, name string, h hole) []string {
	if len(missing) >= maxExamples {
		return missing
	}
	return append(missing, fmt.Sprintf("%s:%d-%d", name, h.from, h.to-1))
}

// String returns the report as a few lines of text.
func (r Report) String() string {
	var b strings.Builder
	verdict := "NOT every line is accounted for"
	if r.OK {
		verdict = "every line is accounted for"
	}
	fmt.Fprintf(&b, "%s: %d written = %d delivered + %d declared missing + %d lost\n", verdict, r.Written, r.Delivered, r.Declared, r.Lost)
	fmt.Fprintf(&b, "doubled %d, reordered %d, late %d, corrupted %d, unmarked %d, streams %d\n",
		r.Doubled, r.Reordered, r.Late, r.Corrupted, r.Unmarked, r.Streams)
	if len(r.Gaps) > 0 {
		var parts []string
		for _, cause := range slices.Sorted(maps.Keys(r.Gaps)) {
			parts = append(parts, fmt.Sprintf("%s %d", cause, r.Gaps[cause]))
		}
		fmt.Fprintf(&b, "gaps: %s; %d of them only possible, %d where nothing was missing\n", strings.Join(parts, ", "), r.PossibleGaps, r.EmptyGaps)
	}
	if r.Overdeclared > 0 {
		fmt.Fprintf(&b, "overdeclared: %d lines were called missing that were not\n", r.Overdeclared)
	}
	if r.Wanted > r.Written {
		fmt.Fprintf(&b, "too few: %d of %d lines\n", r.Written, r.Wanted)
	}
	if l := r.Latency; l.Count > 0 {
		fmt.Fprintf(&b, "latency: p50 %s, p90 %s, p99 %s, p99.9 %s, max %s\n", short(l.P50), short(l.P90), short(l.P99), short(l.P999), short(l.Max))
	}
	if len(r.Missing) > 0 {
		fmt.Fprintf(&b, "lost: %s …\n", strings.Join(r.Missing, ", "))
	}
	for _, o := range r.Odd {
		fmt.Fprintf(&b, "odd line: %q\n", o)
	}
	return b.String()
}

func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(100 * time.Millisecond).String()
	}
}
