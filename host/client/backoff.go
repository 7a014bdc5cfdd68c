package client

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// backoff returns how long to wait before the attempt after n failed ones: what the server advised or half a second, doubled
// from attempt to attempt, and up to as much again at random, so that the clients of a server do not all come back at once.
func backoff(n int, advised time.Duration) time.Duration {
	wait := max(advised, firstWait)
	for range n {
		if wait *= 2; wait >= maxWait {
			break
		}
	}
	wait = max(min(wait, maxWait), min(advised, 10*time.Minute))
	return wait + rand.N(wait) //nolint:gosec // It spreads load, it keeps no secret.
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
