package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are 3 % wide. The zero value is empty.
type histogram struct {
	buckets [64 * subs]int64
	count   int64
}

// subs is how many buckets each power of two has.
const subs = 32

func (h *histogram) add(d time.Duration) {
	n := uint64(max(d, 0))
	b := int(n)
	if n >= subs {
		exponent := bits.Len64(n) - 6 // n>>exponent is from 32 to 63.
		b = exponent*subs + int(n>>exponent)
	}
	h.buckets[b]++
	h.count++
}

func (h *histogram) merge(other *histogram) {
	for b, n := range other.buckets {
		h.buckets[b] += n
	}
	h.count += other.count
}

// quantile returns the duration, in milliseconds, that a share q of all is not longer than.
func (h *histogram) quantile(q float64) float64 {
	want, seen := max(int64(q*float64(h.count)), 1), int64(0)
	for b, n := range h.buckets {
		if seen += n; seen < want {
			continue
		}
		d := uint64(b)
		if b >= 2*subs {
			d = (uint64(b%subs+subs) + 1) << (b/subs - 1)
		}
		return float64(d) / float64(time.Millisecond)
	}
	return 0
}
