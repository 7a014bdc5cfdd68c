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
			p, err := pace.New(pace.Options{Rate: rate})
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
		p, _ := pace.New(pace.Options{Rate: 100, Burst: 50})
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
		p, _ := pace.New(pace.Options{Rate: 1000})
		take(t, p, 1)
		time.Sleep(time.Hour)
		n, err := p.Next(t.Context(), math.MaxInt)
		if err != nil || n > 1001 || n < 999 {
			t.Errorf("after an hour %d lines are due (%v), want 1000", n, err)
		}
	})
}

func TestNext_NoRate_IsUnlimited(t *testing.T) {
	p, _ := pace.New(pace.Options{})
	if n, err := p.Next(t.Context(), 1234); n != 1234 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestNext_Cancelled_ReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p, _ := pace.New(pace.Options{Rate: 0.001})
		take(t, p, 1)
		if _, err := p.Next(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNew_Nonsense_IsRefused(t *testing.T) {
	for _, o := range []pace.Options{
		{Rate: -1}, {Rate: math.NaN()}, {Rate: math.Inf(1)}, {Rate: 1, Burst: -1}, {Burst: 5}, {Rate: 1, Ramp: -1}, {Ramp: time.Second},
		{Rate: 1, From: 2}, {Rate: 1, From: -1, Ramp: time.Second}, {Rate: 1, Ramp: 1000 * time.Hour},
	} {
		if _, err := pace.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestNext_Ramp_RateChangesEvenlyAndStays(t *testing.T) {
	for name, c := range map[string]struct {
		o    pace.Options
		want []int // lines in each second
	}{
		"up":         {pace.Options{Rate: 1000, Ramp: 4 * time.Second}, []int{125, 375, 625, 875, 1000, 1000}},
		"up from":    {pace.Options{Rate: 900, From: 100, Ramp: 4 * time.Second}, []int{200, 400, 600, 800, 900}},
		"down":       {pace.Options{Rate: 100, From: 900, Ramp: 4 * time.Second}, []int{800, 600, 400, 200, 100}},
		"level":      {pace.Options{Rate: 500, From: 500, Ramp: 2 * time.Second}, []int{500, 500, 500}},
		"in bursts":  {pace.Options{Rate: 1000, Ramp: 4 * time.Second, Burst: 25}, []int{125, 375, 625, 875, 1000}},
		"in batches": {pace.Options{Rate: 1_000_000, Ramp: 2 * time.Second}, []int{250_000, 750_000, 1_000_000}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, err := pace.New(c.o)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			got := make([]int, len(c.want)+1)
			for {
				n, err := p.Next(t.Context(), 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				second := int(time.Since(start) / time.Second)
				if second >= len(c.want) {
					break
				}
				if c.o.Burst > 1 && n%c.o.Burst != 0 {
					t.Errorf("%s: %d lines at once, want bursts of %d", name, n, c.o.Burst)
				}
				got[second] += n
			}
			for i, want := range c.want {
				if off := got[i] - want; off < -want/50-2*max(c.o.Burst, 1) || off > want/50+2*max(c.o.Burst, 1) {
					t.Errorf("%s: %d lines in second %d, want %d", name, got[i], i+1, want)
				}
			}
		})
	}
}
