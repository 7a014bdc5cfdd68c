package supervise

import (
	"math/rand/v2"
	"time"
)

// failures decides how long to wait after a failure, and when there have been too many.
type failures struct {
	o      Options
	row    int         // failures since a process was healthy
	recent []time.Time // those in the window, at most as many as open the breaker
}

// add notes a failure of a process that had lived for so long, 0 if it could not be started. wait is how long to wait before the next
// try; down says that there were too many failures in too short a time.
func (f *failures) add(now time.Time, lived time.Duration) (wait time.Duration, down bool) {
	if lived >= f.o.Healthy {
		f.row = 0
	}
	f.row++
	for len(f.recent) > 0 && (now.Sub(f.recent[0]) > f.o.BreakerWindow || len(f.recent) == f.o.BreakerFailures) {
		f.recent = f.recent[1:]
	}
	f.recent = append(f.recent, now)
	down = len(f.recent) >= f.o.BreakerFailures && now.Sub(f.recent[0]) <= f.o.BreakerWindow
	switch {
	case down:
		wait = f.o.BackoffMax
	case f.row == 1 && lived > 0:
		return 0, false // The first restart comes at once.
	default:
		wait = f.o.BackoffMax
		if doublings := f.row - 2; doublings < 20 {
			wait = min(f.o.BackoffMax, f.o.BackoffMin<<max(0, doublings))
		}
	}
	return wait - rand.N(wait/4+1), down //nolint:gosec // chance, no secret
}
