package limit

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// refused returns the name of the limit that refuses, or "".
func refused(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	r := (*Refusal)(nil)
	if !errors.As(err, &r) || !errors.Is(err, tail.ErrTooMany) || r.After <= 0 {
		t.Fatalf("got %v", err)
	}
	return r.Limit
}

func TestEnter_Total_RefusesOneMoreAndLetsInAfterLeaving(t *testing.T) {
	l := New(Options{Total: 2})
	leave, _ := l.Enter(addr("127.0.0.1"))
	if _, err := l.Enter(addr("10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	_, err := l.Enter(addr("10.0.0.2"))
	if got := refused(t, err); got != "total" {
		t.Fatalf("got %q", got)
	}
	leave()
	leave()
	if got := l.Open(); got != 1 {
		t.Fatalf("%d are in after one left twice", got)
	}
	if _, err := l.Enter(addr("10.0.0.2")); err != nil {
		t.Fatal(err)
	}
}

func TestEnter_PerAddress_CountsEachByItself(t *testing.T) {
	l := New(Options{PerAddress: 2})
	for _, step := range []struct{ from, want string }{
		{"10.0.0.1", ""}, {"10.0.0.1", ""}, {"10.0.0.1", "address"}, {"::ffff:10.0.0.1", "address"}, {"10.0.0.2", ""},
		{"2001:db8::1", ""}, {"2001:db8::2", ""}, {"2001:db8::ffff:3", "address"}, {"2001:db8:0:1::1", ""},
		{"127.0.0.1", ""}, {"127.0.0.1", ""}, {"127.0.0.1", ""}, {"::1", ""}, {"::1", ""}, {"::1", ""},
	} {
		_, err := l.Enter(addr(step.from))
		if got := refused(t, err); got != step.want {
			t.Errorf("%s: got %q, want %q", step.from, got, step.want)
		}
	}
}

func TestEnter_AllLeft_NothingIsRemembered(t *testing.T) {
	l := New(Options{Total: 100, PerAddress: 10})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			leave, err := l.Enter(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)}))
			if err != nil {
				t.Error(err)
				return
			}
			leave()
		})
	}
	wg.Wait()
	if l.Open() != 0 || len(l.sessions) != 0 {
		t.Errorf("%d are in, %d addresses remembered", l.Open(), len(l.sessions))
	}
}

func TestEnter_Rate_HoldsInTheBurstAndInTheLongRun(t *testing.T) {
	l := New(Options{Rate: 5, Burst: 10})
	now := time.Now()
	in := func(at time.Time) bool {
		leave, err := l.enter(addr("10.0.0.1"), at)
		if err != nil {
			if got := refused(t, err); got != "rate" {
				t.Fatalf("got %q", got)
			}
			return false
		}
		leave()
		return true
	}
	burst := 0
	for range 100 {
		if in(now) {
			burst++
		}
	}
	if burst != 10 {
		t.Errorf("burst of %d", burst)
	}
	steady := 0
	for i := 1; i <= 100_000; i++ { // a try every millisecond for 100 seconds
		if in(now.Add(time.Duration(i) * time.Millisecond)) {
			steady++
		}
	}
	if steady != 500 {
		t.Errorf("%d in 100 s", steady)
	}
}

func TestEnter_RateRefusal_SaysWhenToComeBack(t *testing.T) {
	l := New(Options{Rate: 0.5})
	now := time.Now()
	l.enter(addr("10.0.0.1"), now)
	_, err := l.enter(addr("10.0.0.1"), now)
	r := (*Refusal)(nil)
	if !errors.As(err, &r) || r.After < 1900*time.Millisecond || r.After > 2*time.Second {
		t.Fatalf("got %v", err)
	}
	if _, err := l.enter(addr("10.0.0.1"), now.Add(r.After)); err != nil {
		t.Errorf("then: %v", err)
	}
}

func TestEnter_EndlessAddresses_MemoryIsBounded(t *testing.T) {
	l := New(Options{Rate: 1, Burst: 1})
	now := time.Now()
	for i := range 3 * maxAddresses {
		l.enter(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(l.rates) > maxAddresses {
		t.Errorf("%d addresses remembered", len(l.rates))
	}
}

func TestEnter_NoAddress_IsCountedTogether(t *testing.T) {
	l := New(Options{PerAddress: 1})
	if _, err := l.Enter(netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	_, err := l.Enter(netip.Addr{})
	if got := refused(t, err); got != "address" {
		t.Errorf("got %q", got)
	}
}

func TestDownload_LimitIsReached_OneMoreIsRefusedUntilOneEnds(t *testing.T) {
	l := New(Options{Downloads: 2})
	first, err1 := l.Download()
	_, err2 := l.Download()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	_, err := l.Download()
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || refusal.Limit != "downloads" || refusal.After <= 0 || !errors.Is(err, tail.ErrTooMany) {
		t.Errorf("got %v", err)
	}
	first()
	first()
	if _, err := l.Download(); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	if _, err := l.Download(); err == nil {
		t.Error("leaving twice made room for two")
	}
}
