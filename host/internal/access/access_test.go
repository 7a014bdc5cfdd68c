package access

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const here, there = "192.0.2.1:1000", "192.0.2.2:1000"

func TestCheck_KnowsWhoBringsARightProof(t *testing.T) {
	a, _ := newAccess(t, line(t, "ann", "correct horse"), line(t, "ci", "ci.0123456789", "/var/log"), argonLine("bob", "battery staple", 64, 1, 1))
	for _, c := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"password", basic(here, "ann", "correct horse"), "ann"},
		{"argon2id", basic(here, "bob", "battery staple"), "bob"},
		{"bearer", request(here, "Authorization", "Bearer ci.0123456789"), "ci"},
		{"bearer in other case", request(here, "Authorization", "bEARER  ci.0123456789"), "ci"},
		{"token as password", basic(here, "ci", "ci.0123456789"), "ci"},
		{"token as password without a name", basic(here, "", "ci.0123456789"), "ci"},
	} {
		for range 2 { // The second time comes from memory.
			id, err := a.Check(c.r)
			if err != nil || id.Name() != c.want {
				t.Errorf("%s: got %q, %v", c.name, id.Name(), err)
			}
		}
	}
	if id, _ := a.Check(basic(here, "ci", "ci.0123456789")); id.MayFollow("/etc/x.log") || !id.MayFollow("/var/log/x.log") {
		t.Error("the roots of the credential do not hold")
	}
}

func TestCheck_WithoutAFileLetsEverybodyIn(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Check(request(here, "Authorization", "Bearer whatever"))
	if err != nil || !id.MayFollow("/var/log/app.log") || id.Name() != "" || id.Revoked() != nil || a.Required() {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestCheck_SaysTheSameWhateverIsWrong(t *testing.T) {
	long := "ann." + strings.Repeat("x", 2000)
	wrong := map[string]*http.Request{
		"wrong secret":                 basic(here, "ann", "wrong"),
		"unknown name":                 basic(here, "eve", "correct horse"),
		"empty secret":                 basic(here, "ann", ""),
		"no name":                      basic(here, "", "correct horse"),
		"hostile name":                 basic(here, "ann\x00\r\n", "correct horse"),
		"secret of another":            basic(here, "ann", "battery staple"),
		"secret with more":             basic(here, "ann", "correct horse "),
		"72 right bytes and one more":  basic(here, "long", strings.Repeat("y", 73)),
		"over-long secret":             basic(here, "ann", long),
		"long secret, though right":    basic(here, "longer", strings.Repeat("z", maxSecret+1)),
		"no base64":                    request(here, "Authorization", "Basic !!!!"),
		"base64 without a colon":       request(here, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ann"))),
		"unknown scheme":               request(here, "Authorization", "Digest username=ann"),
		"scheme alone":                 request(here, "Authorization", "Basic"),
		"empty header":                 request(here, "Authorization", ""),
		"two headers, both right":      request(here, "Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=", "Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U="),
		"ticket that is none":          request(here, "Upgrade", "websocket", "Sec-WebSocket-Protocol", "livetail.v1, ticket.AAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"ticket that is none, with ok": withTicket(basic(here, "ann", "correct horse"), "AAAA"),
	}
	answer := func(r *http.Request) string {
		a, _ := newAccess(t, line(t, "ann", "correct horse"), line(t, "bob", "battery staple"), line(t, "long", strings.Repeat("y", 72)),
			argonLine("longer", strings.Repeat("z", maxSecret+1), 64, 1, 1))
		_, err := a.Check(r)
		if err == nil {
			return "let in"
		}
		w := httptest.NewRecorder()
		Deny(w, err)
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	want := answer(request(here))
	if !strings.HasPrefix(want, "401 ") || !strings.Contains(want, `Www-Authenticate:[Basic realm="livetail", charset="UTF-8" Bearer realm="livetail"]`) {
		t.Fatalf("without a proof: %s", want)
	}
	for name, r := range wrong {
		if got := answer(r); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	// A program with a bearer token gets no challenge that opens a browser's dialog.
	if got := answer(request(here, "Authorization", "Bearer ann.x")); !strings.Contains(got, `Www-Authenticate:[Bearer realm="livetail"]`) {
		t.Errorf("wrong bearer token: %s", got)
	}
}

// counting makes the credential's comparison count its calls, and wait for gate if that is not nil.
func counting(a *Access, name string, gate chan struct{}) (calls, most *atomic.Int64) {
	calls, most = new(atomic.Int64), new(atomic.Int64)
	var now atomic.Int64
	set := a.current.Load()
	wrap := func(check func(string) bool) func(string) bool {
		return func(secret string) bool {
			calls.Add(1)
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if gate != nil {
				<-gate
			}
			return check(secret)
		}
	}
	set.decoy.check = wrap(set.decoy.check)
	set.byName[name].hash.check = wrap(set.byName[name].hash.check)
	return calls, most
}

func TestCheck_WorksOutASecretOnceForManyAtATime(t *testing.T) {
	lines := line(t, "ann", "correct horse") + line(t, "bob", "correct horse") // It may happen.
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAccess(t, lines)
		gate := make(chan struct{})
		calls, _ := counting(a, "ann", gate)
		var wg sync.WaitGroup
		for i := range 500 { // All viewers come back after a restart.
			wg.Go(func() {
				name := []string{"ann", "bob"}[i%2]
				if id, err := a.Check(basic(here, name, "correct horse")); err != nil || id.Name() != name {
					t.Errorf("%s is taken for %q: %v", name, id.Name(), err)
				}
			})
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("ann's hash was worked out %d times", n)
		}
	})
}

func TestCheck_UnknownNameCostsAsMuchAsAKnownOne(t *testing.T) {
	a, _ := newAccess(t, line(t, "ann", "correct horse"))
	calls, _ := counting(a, "ann", nil)
	for i, name := range []string{"ann", "eve", "not a name"} {
		if _, err := a.Check(basic(here, name, "wrong")); err == nil {
			t.Error("let in")
		}
		if n := calls.Load(); n != int64(i+1) {
			t.Errorf("%s: %d comparisons after %d attempts", name, n, i+1)
		}
	}
}

func TestCheck_LimitsFailedAttemptsOfAnAddress(t *testing.T) {
	lines := line(t, "ann", "correct horse")
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAccess(t, lines)
		calls, _ := counting(a, "ann", nil)
		for i := range attemptBurst {
			if _, err := a.Check(basic(here, "ann", fmt.Sprint("wrong ", i))); reason(err) != ReasonWrong {
				t.Fatalf("attempt %d: %v", i, err)
			}
		}
		_, err := a.Check(basic(here, "ann", "correct horse"))
		if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal.Reason != ReasonLimited || refusal.RetryAfter != attemptEvery {
			t.Errorf("after %d failures: %v", attemptBurst, err)
		}
		w := httptest.NewRecorder()
		Deny(w, err)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "10" {
			t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		if _, err := a.Check(basic(there, "ann", "correct horse")); err != nil {
			t.Errorf("another address pays for it: %v", err)
		}
		// The rate that goes on for ever is what counts, not the burst.
		before := calls.Load()
		for i := range 600 {
			time.Sleep(time.Second)
			a.Check(basic(here, "ann", fmt.Sprint("still wrong ", i)))
		}
		if n, most := calls.Load()-before, int64(10*time.Minute/attemptEvery)+1; n > most {
			t.Errorf("%d guesses were looked at in ten minutes, want at most %d", n, most)
		}
		time.Sleep(attemptEvery)
		if _, err := a.Check(basic(here, "ann", "correct horse")); err != nil {
			t.Errorf("after waiting: %v", err)
		}
	})
}

func TestCheck_StrangersDoNotLockOutWhoIsKnownAtAnAddress(t *testing.T) {
	lines := line(t, "ann", "correct horse") + line(t, "old", "of use once")
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAccess(t, lines)
		if _, err := a.Check(basic(here, "ann", "correct horse")); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			a.Check(basic(here, "old", fmt.Sprint("not any more ", i)))
		}
		if _, err := a.Check(basic(here, "old", "of use once")); reason(err) != ReasonLimited {
			t.Errorf("the script that fails: %v", err)
		}
		if _, err := a.Check(basic(here, "ann", "correct horse")); err != nil {
			t.Errorf("the one who is known: %v", err)
		}
		// Guessing at the secret of who is known is limited as well, also for the right guess: memory is no way around the limit.
		for i := range 50 {
			a.Check(basic(here, "ann", fmt.Sprint("guess ", i)))
		}
		if _, err := a.Check(basic(here, "ann", "correct horse")); reason(err) != ReasonLimited {
			t.Errorf("after 50 guesses: %v", err)
		}
	})
}

func TestCheck_ManyGuessesAtOnceAreNoMoreThanTheBurst(t *testing.T) {
	lines := line(t, "ann", "correct horse")
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAccess(t, lines)
		gate := make(chan struct{})
		calls, most := counting(a, "ann", gate)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { a.Check(basic(here, "ann", fmt.Sprint("guess ", i))) })
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
		if n := calls.Load(); n != attemptBurst {
			t.Errorf("%d guesses were looked at, want %d", n, attemptBurst)
		}
		if n := most.Load(); n > hashing {
			t.Errorf("%d at a time, want at most %d", n, hashing)
		}
	})
}

func TestCheck_BusyIsSaidAfterAWhileAndIsNoFailure(t *testing.T) {
	lines := line(t, "ann", "correct horse")
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAccess(t, lines)
		gate := make(chan struct{})
		counting(a, "ann", gate)
		var wg sync.WaitGroup
		for i := range hashing {
			wg.Go(func() { a.Check(basic(there, "ann", fmt.Sprint("guess ", i))) })
		}
		synctest.Wait()
		for i := range 5 * attemptBurst {
			_, err := a.Check(basic(here, "ann", fmt.Sprint("in vain ", i)))
			if reason(err) != ReasonBusy {
				t.Fatalf("got %v", err)
			}
			w := httptest.NewRecorder()
			if Deny(w, err); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" {
				t.Fatalf("got %d, %v", w.Code, w.Header())
			}
		}
		close(gate)
		wg.Wait()
		if _, err := a.Check(basic(here, "ann", "correct horse")); err != nil {
			t.Error(err)
		}
	})
}

func TestAttempts_TakeANetworkOfIPv6ForOneAndForgetTheOldest(t *testing.T) {
	now := time.Now()
	tries := newAttempts(1, time.Hour)
	at := func(addr string) time.Duration { return tries.wait(peer(request(addr)), "", now) }
	tries.failed(peer(request("[2001:db8:0:1::1]:1")), now)
	if at("[2001:db8:0:1:ffff::2]:1") == 0 {
		t.Error("the neighbour in the same /64 may go on")
	}
	if at("[2001:db8:0:2::1]:1") != 0 {
		t.Error("the next /64 may not")
	}
	if at("@") != 0 {
		t.Error("a connection without an address may not begin")
	}
	for i := range attemptsKept {
		tries.failed(peer(request(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256))), now)
	}
	if n := len(tries.byKey); n != attemptsKept || tries.order.Len() != n {
		t.Errorf("%d addresses are kept, want %d", n, attemptsKept)
	}
	if at("[2001:db8:0:1::1]:1") != 0 {
		t.Error("the oldest was not forgotten")
	}
}

func BenchmarkCheck_KnownToken(b *testing.B) {
	a, _ := newAccess(b, line(b, "ci", "ci.0123456789"))
	r := request(here, "Authorization", "Bearer ci.0123456789")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Check(r); err != nil {
			b.Fatal(err)
		}
	}
}
