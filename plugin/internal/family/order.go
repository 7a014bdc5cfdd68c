package family

import (
	"cmp"
	"slices"
	"time"
)

// Candidate is a generation to be put in order: its name, and what is known of the file. Times that are zero are unknown.
type Candidate struct {
	Member
	// Modified is when the file was last written. A compressor may keep it or not.
	Modified time.Time
	// Born is when the file was made; it says nothing about one that is compressed.
	Born time.Time
}

// Order returns candidates oldest first. Of a file and its compressed form it keeps the file: the other may be incomplete, and both
// are one generation. The argument stays as it is.
//
// inferred means that the order is not certain: names of several schemes had to be compared, two have the same number or stamp, or the
// times of the files contradict their names.
func Order(candidates []Candidate) (ordered []Candidate, inferred bool) {
	ordered = withoutPacked(candidates)
	mixed := slices.ContainsFunc(ordered, func(c Candidate) bool { return c.Scheme != ordered[0].Scheme })
	slices.SortStableFunc(ordered, func(a, b Candidate) int {
		if mixed {
			if c := a.when().Compare(b.when()); c != 0 && !a.when().IsZero() && !b.when().IsZero() {
				return c
			}
		}
		return byName(a.Member, b.Member)
	})
	inferred = mixed
	against, with := 0, 0
	for i := 1; i < len(ordered); i++ {
		a, b := ordered[i-1], ordered[i]
		inferred = inferred || a.Weak || b.Weak || byName(a.Member, b.Member) == 0
		switch evidence(a, b) {
		case 1:
			against++
		case -1:
			with++
		}
	}
	if against > 0 && with == 0 && !mixed && len(ordered) > 2 && ordered[0].Scheme == Numbered {
		// There are rotators whose highest number is the newest.
		slices.Reverse(ordered)
		return ordered, true
	}
	return ordered, inferred || against > 0
}

// withoutPacked returns the candidates without those whose plain file is there as well.
func withoutPacked(candidates []Candidate) []Candidate {
	plain := make(map[string]bool, len(candidates))
	for _, c := range candidates {
		if c.Packed == "" {
			plain[c.Name] = true
		}
	}
	out := make([]Candidate, 0, len(candidates))
	for _, c := range candidates {
		if c.Packed == "" || !plain[c.Plain] {
			out = append(out, c)
		}
	}
	return out
}

// byName compares two names of one scheme, older first.
func byName(a, b Member) int {
	if a.Scheme != b.Scheme {
		return cmp.Compare(a.Scheme, b.Scheme) // As good as any.
	}
	if a.Scheme == Numbered {
		return cmp.Compare(b.Number, a.Number)
	}
	return cmp.Or(a.Stamp.Compare(b.Stamp), cmp.Compare(a.Counter, b.Counter))
}

// when is the best that is known of when a generation was written.
func (c Candidate) when() time.Time {
	if !c.Modified.IsZero() {
		return c.Modified
	}
	if c.Packed == "" && !c.Born.IsZero() {
		return c.Born
	}
	return c.Stamp
}

// evidence compares two generations by the times of their files: -1 if a is the older, 1 if b is, 0 if nothing is known.
func evidence(a, b Candidate) int {
	if a.Packed != "" || b.Packed != "" {
		return 0 // Those of a compressed file may be those of its compression.
	}
	if !a.Born.IsZero() && !b.Born.IsZero() {
		return a.Born.Compare(b.Born)
	}
	if !a.Modified.IsZero() && !b.Modified.IsZero() {
		return a.Modified.Compare(b.Modified)
	}
	return 0
}
