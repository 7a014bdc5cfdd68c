package verify

import (
	"math/bits"
	"time"
)

// subs is how many buckets each power of two has.
const subs = 32

// histogram counts durations in buckets that are 3 % wide. The zero value is empty.
type histogram struct {
	buckets [64 * subs]int64
	count   int64
	max     time.Duration
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucket(uint64(d))]++
	h.count++
	h.max = max(h.max, d)
}

func bucket(n uint64) int {
	if n < subs {
		return int(n)
	}
	exponent := bits.Len64(n) - 6 // n>>exponent is from 32 to 63
	return exponent*subs + int(n>>exponent)
}

// upper returns the highest value of a bucket.
func upper(b int) time.Duration {
	if b < 2*subs {
		return time.Duration(b)
	}
	exponent := b/subs - 1
	return time.Duration((uint64(b%subs+subs)+1)<<exponent - 1)
}

func (h *histogram) quantile(q float64) time.Duration {
	want := int64(q * float64(h.count))
	seen := int64(0)
	for b, n := range h.buckets {
		if seen += n; n > 0 && seen >= want {
			return min(upper(b), h.max)
		}
	}
	return h.max
}

func (h *histogram) report() Latency {
	if h.count == 0 {
		return Latency{}
	}
	return Latency{
		Count: h.count, P50: h.quantile(0.5), P90: h.quantile(0.9), P99: h.quantile(0.99), P999: h.quantile(0.999), Max: h.max,
	}
}
