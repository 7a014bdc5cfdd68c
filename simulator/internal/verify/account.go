package verify

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/livetail/livetail/simulator/internal/lines"
)

const (
	// maxHoles bounds the memory for what is missing. When there are more holes, the oldest are settled: what comes later for them
	// counts as doubled.
	maxHoles = 1 << 16
	// maxStreams is how many producers are told apart; lines of others count as unmarked.
	maxStreams = 10_000
	// maxExamples is how many odd lines are kept for the report, and exampleLength how much of each.
	maxExamples   = 5
	exampleLength = 200
)

// Account accounts for lines. It is safe for concurrent use.
type Account struct {
	mu      sync.Mutex // guards all
	from    bool
	since   time.Time
	streams map[string]*stream
	holes   int

	declared declarations
	gaps     map[string]int64
	possible int64

	arrived, bytes           int64 // lines of whatever kind, and their bytes
	doubled, reordered, late int64
	corrupted, unmarked      int64
	// settled is set when holes had to be settled.
	settled  bool
	examples []string
	latency  histogram
	scratch  []byte
	// expected is the last number of the streams of which it is known.
	expected map[string]uint64

	firstArrival, lastArrival time.Time
}

// stream is the account of one producer.
type stream struct {
	// first is the lowest number that counts, next the one after the highest that came.
	first, next uint64
	delivered   uint64
	// passed is the number of the next declaration when the last line came: those since then explain what is missing before the next line.
	passed int
	// holes are what is missing between first and next, in order.
	holes []hole
	// lost and declared are those of holes that have been settled.
	lost, declared uint64
}

// hole is the numbers from from up to, not including, to; so many of them are declared.
type hole struct{ from, to, declared uint64 }

func (h hole) size() uint64 { return h.to - h.from }

// NewAccount returns an empty account. With fromFirst, each producer's first line must come; otherwise the first that comes counts as
// the first.
func NewAccount(fromFirst bool) *Account {
	return &Account{
		from: fromFirst, since: time.Now(), streams: map[string]*stream{}, gaps: map[string]int64{}, expected: map[string]uint64{},
	}
}

// Expect says that the producer of a stream wrote the lines 1 to last. What is missing at the end is then known to be missing.
func (a *Account) Expect(name string, last uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected[name] = last
	if a.streams[name] == nil {
		a.streams[name] = &stream{first: 1, next: 1}
	}
}

// Line takes one line as it arrived: plain, without line ending. late says that the follower itself calls it a straggler.
func (a *Account) Line(line []byte, now time.Time, late bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.line(line, now, late)
}

// Lines takes whole lines, each with its ending but perhaps the last.
func (a *Account) Lines(text []byte, now time.Time, late bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		a.line(line, now, late)
	}
}

func (a *Account) line(line []byte, now time.Time, late bool) {
	if a.arrived == 0 {
		a.firstArrival = now
	}
	a.arrived++
	a.bytes += int64(len(line)) + 1
	a.lastArrival = now
	if bytes.IndexByte(line, 0x1b) >= 0 {
		a.scratch = lines.StripANSI(a.scratch[:0], line)
		line = a.scratch
	}
	m, verdict := lines.Parse(line)
	switch verdict {
	case lines.Corrupt:
		a.corrupted++
		a.example(line)
		return
	case lines.Unmarked:
		a.unmarked++
		a.example(line)
		return
	}
	if m.Before > 0 {
		// A follower may put something of its own before a line, but no other line.
		if _, other := lines.Parse(line[:m.Before]); other != lines.Unmarked {
			a.corrupted++
			a.example(line)
		}
	}
	s := a.streams[string(m.Stream)]
	if s == nil {
		if len(a.streams) >= maxStreams {
			a.unmarked++
			return
		}
		a.declared.beginning()
		s = &stream{first: m.Sequence, next: m.Sequence, passed: a.declared.end()}
		if a.from {
			s.first, s.next, s.passed = 1, 1, 0
		}
		a.streams[string(m.Stream)] = s
	}
	if m.Time.After(a.since) {
		a.latency.add(now.Sub(m.Time))
	}
	a.number(s, m.Sequence, late)
}

// number takes the number of a line.
func (a *Account) number(s *stream, n uint64, late bool) {
	switch {
	case n == s.next:
		s.next++
		s.delivered++
	case n > s.next:
		a.missing(s, n)
		s.next = n + 1
		s.delivered++
	default:
		if !a.fill(s, n) {
			a.doubled++
			return
		}
		s.delivered++
		if late {
			a.late++
		} else {
			a.reordered++
		}
		return // A straggler explains nothing about what comes next.
	}
	s.passed = a.declared.end()
}

// missing notes that the numbers from s.next up to n did not come in their place.
func (a *Account) missing(s *stream, n uint64) {
	h := hole{from: s.next, to: n}
	h.declared = a.declared.explain(s.passed, h.size())
	s.holes = append(s.holes, h)
	a.holes++
	if a.holes <= maxHoles {
		return
	}
	// Settle the older half of this producer's holes.
	a.settled = true
	half := max(len(s.holes)/2, 1)
	for _, h := range s.holes[:half] {
		s.lost += h.size() - h.declared
		s.declared += h.declared
	}
	a.holes -= half
	s.holes = slices.Clone(s.holes[half:])
}

// fill takes n out of what is missing; it returns false if n was not missing.
func (a *Account) fill(s *stream, n uint64) bool {
	if n < s.first {
		// From before what came first.
		if n+1 < s.first {
			s.holes = slices.Insert(s.holes, 0, hole{from: n + 1, to: s.first})
			a.holes++
		}
		s.first = n
		return true
	}
	i, found := slices.BinarySearchFunc(s.holes, n, func(h hole, n uint64) int {
		switch {
		case h.to <= n:
			return -1
		case h.from > n:
			return 1
		}
		return 0
	})
	if !found {
		return false
	}
	h := s.holes[i]
	before, after := hole{from: h.from, to: n}, hole{from: n + 1, to: h.to}
	before.declared = min(h.declared, before.size())
	after.declared = min(h.declared-before.declared, after.size())
	switch {
	case before.size() > 0 && after.size() > 0:
		s.holes[i] = before
		s.holes = slices.Insert(s.holes, i+1, after)
		a.holes++
	case before.size() > 0:
		s.holes[i] = before
	case after.size() > 0:
		s.holes[i] = after
	default:
		s.holes = slices.Delete(s.holes, i, i+1)
		a.holes--
	}
	return true
}

// Gap takes what the follower declares missing between the lines before and after: how many lines, nil if unknown, and whether it is
// certain.
func (a *Account) Gap(cause string, number *int64, certain bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.gaps) < 100 {
		a.gaps[cause]++
	}
	if !certain {
		a.possible++
	}
	e := declaration{unknown: true, certain: certain}
	if number != nil && certain && *number >= 0 {
		e.unknown, e.left = false, uint64(*number)
	}
	a.declared.add(e, a.passed)
}

// passed returns the number up to which all streams have passed the declarations.
func (a *Account) passed() int {
	passed := a.declared.end()
	for _, s := range a.streams {
		passed = min(passed, s.passed)
	}
	return passed
}

func (a *Account) example(line []byte) {
	if len(a.examples) < maxExamples {
		a.examples = append(a.examples, string(line[:min(len(line), exampleLength)]))
	}
}

// Accounted returns how many lines are accounted for, be it as lost, and how many have arrived.
func (a *Account) Accounted() (accounted, arrived int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.streams {
		accounted += int64(s.next - s.first)
	}
	return accounted, a.arrived
}

// Complete reports whether the last line of each expected stream, and at least one such, has come.
func (a *Account) Complete() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, last := range a.expected {
		if a.streams[name].next <= last {
			return false
		}
	}
	return len(a.expected) > 0
}
