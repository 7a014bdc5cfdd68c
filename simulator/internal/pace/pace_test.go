package pace_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/simulator/internal/pace"
)

func take(t *testing.T, p *pace.Pace, total int) (sizes []int) {
	t.Helper()
	for got := 0; got < total; {
		n, err := p.Next(t.Context(), total-got)
		if err != nil {
			t.Fatal(err)
		}
		got += n
		sizes = append(sizes, n)
	}
	return sizes
}

func TestNext_Rate_IsHeldOverTime(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 100, 2000, 1_000_000} {
		synctest.Test(t, func(t *testing.T) {
			p, err := pace.New(rate, 0)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			total := int(math.Max(rate*10, 2))
			take(t, p, total)
			want := time.Duration(float64(total-1) / rate * float64(time.Second))
			if got := time.Since(start); got < want-2*time.Millisecond || got > want+5*time.Millisecond {
				t.Errorf("rate %v: %d lines took %v, want %v", rate, total, got, want)
			}
		})
	}
}

func TestNext_Burst_ComesAtOnceAndHoldsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pace.New(100, 50)
		start := time.Now()
		for i, n := range take(t, p, 500) {
			if n != 50 {
				t.Errorf("burst %d has %d lines, want 50", i, n)
			}
		}
		if got := time.Since(start); got < 4500*time.Millisecond-2*time.Millisecond || got > 4510*time.Millisecond {
			t.Errorf("10 bursts took %v, want 4.5 s", got)
		}
	})
}

func TestNext_HeldUp_CatchesUpOneSecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pace.New(1000, 0)
		take(t, p, 1)
		time.Sleep(time.Hour)
		n, err := p.Next(t.Context(), math.MaxInt)
		if err != nil || n > 1001 || n < 999 {
			t.Errorf("after an hour %d lines are due (%v), want 1000", n, err)
		}
	})
}

func TestNext_NoRate_IsUnlimited(t *testing.T) {
	p, _ := pace.New(0, 0)
	if n, err := p.Next(t.Context(), 1234); n != 1234 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestNext_Cancelled_ReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p, _ := pace.New(0.001, 0)
		take(t, p, 1)
		if _, err := p.Next(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNew_Nonsense_IsRefused(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		burst int
	}{{-1, 0}, {math.NaN(), 0}, {math.Inf(1), 0}, {1, -1}, {0, 5}} {
		if _, err := pace.New(c.rate, c.burst); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
