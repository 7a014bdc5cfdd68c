package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// bench runs one call in a bubble where time is not real. Orders are recorded with the time since the start; OrderAlive is only counted.
type bench struct {
	t      *testing.T
	begin  time.Time
	beats  chan tail.Beat
	cancel context.CancelFunc
	onPing func(b *bench, session string) // called for each OrderPing, in a goroutine of its own

	done  chan struct{}
	peers sync.WaitGroup

	mu     sync.Mutex // guards the rest
	orders []string
	alive  int
	err    error
}

func start(t *testing.T, d Defaults, onPing func(*bench, string)) *bench {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{
		t: t, begin: time.Now(), beats: make(chan tail.Beat), cancel: cancel, onPing: onPing, done: make(chan struct{}),
	}
	go func() {
		defer close(b.done)
		for o, err := range Run(ctx, seq(ctx, b.beats), d) {
			b.take(o, err)
			if err != nil {
				cancel() // in has to end, see Run.
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-b.done; b.peers.Wait() })
	return b
}

func seq(ctx context.Context, in <-chan tail.Beat) iter.Seq[tail.Beat] {
	return func(yield func(tail.Beat) bool) {
		for {
			select {
			case b, ok := <-in:
				if !ok || !yield(b) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (b *bench) take(o tail.Order, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.err = err
	case o.Kind == tail.OrderAlive:
		b.alive++
	default:
		name := map[tail.OrderKind]string{
			tail.OrderPing: "ping", tail.OrderDeadSilent: "silent", tail.OrderDeadWrong: "wrong",
		}[o.Kind]
		b.orders = append(b.orders, fmt.Sprintf("%v %s %s", time.Since(b.begin), name, o.Session))
	}
	if err == nil && o.Kind == tail.OrderPing && b.onPing != nil {
		b.peers.Go(func() { b.onPing(b, o.Session) })
	}
}

func (b *bench) tell(kind tail.BeatKind, session string) {
	select {
	case b.beats <- tail.Beat{Kind: kind, Session: session}:
	case <-b.done:
	}
}

// takeOrders returns what was ordered since it was last asked.
func (b *bench) takeOrders() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.orders
	b.orders = nil
	return out
}

func (b *bench) want(orders ...string) {
	b.t.Helper()
	if got := b.takeOrders(); !slices.Equal(got, orders) {
		b.t.Errorf("orders %q, want %q", got, orders)
	}
}

// answering is a peer that answers after delay.
func answering(delay time.Duration) func(*bench, string) {
	return func(b *bench, session string) {
		b.tell(tail.BeatPinged, session)
		time.Sleep(delay)
		b.tell(tail.BeatAnswered, session)
	}
}

func written(b *bench, session string) { b.tell(tail.BeatPinged, session) }

func TestRun_PeerThatAnswers_LivesForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, answering(4900*time.Millisecond))
		b.tell(tail.BeatOpened, "a")
		time.Sleep(5*time.Hour + time.Second)
		got := b.takeOrders()
		if len(got) != 5*360 {
			t.Errorf("%d orders, want 1800 pings", len(got))
		}
		for i, o := range got {
			if want := fmt.Sprintf("%v ping a", time.Duration(i+1)*10*time.Second); o != want {
				t.Fatalf("order %d is %q, want %q", i, o, want)
			}
		}
		if b.alive != 5*3600+1 {
			t.Errorf("alive %d times, want every second", b.alive)
		}
	})
}

func TestRun_PeerThatIsSilent_IsDeadFiveSecondsAfterThePingWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, func(b *bench, session string) {
			time.Sleep(3 * time.Second) // The socket was full.
			b.tell(tail.BeatPinged, session)
		})
		b.tell(tail.BeatOpened, "a")
		time.Sleep(18*time.Second - 1)
		b.want("10s ping a")
		time.Sleep(time.Nanosecond)
		b.want("18s silent a")
		// It is forgotten: nothing more comes, whatever is said of it.
		b.tell(tail.BeatAnswered, "a")
		b.tell(tail.BeatPinged, "a")
		b.tell(tail.BeatWrong, "a")
		time.Sleep(time.Hour)
		b.want()
	})
}

func TestRun_PingThatWasNeverWritten_IsNotHeldAgainstThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, nil)
		b.tell(tail.BeatOpened, "a")
		time.Sleep(time.Hour)
		b.want("10s ping a")
	})
}

func TestRun_WrongAnswer_IsDeadAtOnce(t *testing.T) {
	for name, before := range map[string]time.Duration{"while resting": 2 * time.Second, "while an answer is due": 12 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, Defaults{}, written)
				b.tell(tail.BeatOpened, "a")
				time.Sleep(before)
				b.takeOrders()
				b.tell(tail.BeatWrong, "a")
				b.want(before.String() + " wrong a")
				time.Sleep(time.Hour)
				b.want()
			})
		})
	}
}

func TestRun_AnswerThatNobodyWaitsFor_IsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, written)
		b.tell(tail.BeatOpened, "a")
		for range 5 {
			time.Sleep(time.Second)
			b.tell(tail.BeatAnswered, "a")
		}
		b.tell(tail.BeatPinged, "a") // Not ordered: ignored as well.
		time.Sleep(10*time.Second - 1)
		b.want("10s ping a")
		time.Sleep(time.Nanosecond)
		b.want("15s silent a") // The early answers did not count for this ping.
	})
}

// The reading and the writing side of a session are two goroutines of the host, so the answer may overtake the news of the ping.
func TestRun_AnswerOvertakesTheNewsOfThePing_Counts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, func(b *bench, session string) {
			b.tell(tail.BeatAnswered, session)
			b.tell(tail.BeatPinged, session)
		})
		b.tell(tail.BeatOpened, "a")
		time.Sleep(31 * time.Second)
		b.want("10s ping a", "20s ping a", "30s ping a")
	})
}

func TestRun_ClosedSession_IsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, written)
		for _, when := range []time.Duration{time.Second, 11 * time.Second} {
			b.begin = time.Now()
			b.tell(tail.BeatOpened, "a")
			time.Sleep(when)
			b.takeOrders()
			b.tell(tail.BeatClosed, "a")
			time.Sleep(time.Hour)
			b.want()
		}
	})
}

func TestRun_SessionOpenedAgain_BeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, written)
		b.tell(tail.BeatOpened, "a")
		time.Sleep(12 * time.Second)
		b.tell(tail.BeatOpened, "a")
		time.Sleep(10 * time.Second)
		b.want("10s ping a", "22s ping a")
	})
}

func TestRun_DurationsOfASession(t *testing.T) {
	for _, tt := range []struct {
		name              string
		defaults          Defaults
		interval, timeout time.Duration
		ping, dead        time.Duration
	}{
		{"none", Defaults{}, 0, 0, 10 * time.Second, 15 * time.Second},
		{"of the caller", Defaults{2 * time.Second, time.Second}, 0, 0, 2 * time.Second, 3 * time.Second},
		{"its own", Defaults{2 * time.Second, time.Second}, 4 * time.Second, 5 * time.Second, 4 * time.Second, 9 * time.Second},
		{"too small", Defaults{}, 1, 1, MinInterval, MinInterval + MinTimeout},
		{"negative", Defaults{}, -1, -1, 10 * time.Second, 15 * time.Second},
		{"too large", Defaults{}, 1 << 62, 1 << 62, MaxInterval, MaxInterval + MaxTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, tt.defaults, written)
				b.beats <- tail.Beat{Kind: tail.BeatOpened, Session: "a", Interval: tt.interval, Timeout: tt.timeout}
				time.Sleep(2 * time.Hour)
				b.want(tt.ping.String()+" ping a", tt.dead.String()+" silent a")
			})
		})
	}
}

func TestRun_TimeoutLongerThanTheInterval_PingsAgainRightAfterALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{Interval: time.Second, Timeout: time.Minute}, answering(3*time.Second))
		b.tell(tail.BeatOpened, "a")
		time.Sleep(8 * time.Second)
		b.want("1s ping a", "4s ping a", "7s ping a")
	})
}

func TestRun_TenThousandSessions_InOrderAndOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions = 10_000
		b := start(t, Defaults{}, func(b *bench, session string) {
			b.tell(tail.BeatPinged, session)
			if session[len(session)-1] != '7' { // Each tenth is silent.
				b.tell(tail.BeatAnswered, session)
			}
		})
		for i := range sessions {
			b.tell(tail.BeatOpened, fmt.Sprintf("s%05d", i))
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(11*time.Second - time.Duration(sessions)*100*time.Microsecond)
		pings := b.takeOrders()
		if len(pings) != sessions {
			t.Fatalf("%d orders, want %d", len(pings), sessions)
		}
		groups := map[time.Duration]bool{}
		for i, o := range pings {
			at, what, _ := strings.Cut(o, " ")
			when, err := time.ParseDuration(at)
			due := 10*time.Second + time.Duration(i)*100*time.Microsecond
			if err != nil || what != fmt.Sprintf("ping s%05d", i) || when > due || when < due-100*time.Millisecond {
				t.Fatalf("order %d is %q, want a ping of its session within a tenth of a second before %v", i, o, due)
			}
			groups[when] = true
		}
		if len(groups) > 11 {
			t.Errorf("the host is woken %d times in a second, want one time in each tenth", len(groups))
		}
		time.Sleep(5 * time.Second)
		if got := len(b.takeOrders()); got != sessions/10 {
			t.Errorf("%d dead, want %d", got, sessions/10)
		}
	})
}

func TestRun_DueAtTheSameMoment_InTheOrderOfOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, nil)
		var want []string
		for i := range 100 {
			b.tell(tail.BeatOpened, fmt.Sprint(i))
			want = append(want, fmt.Sprint("10s ping ", i))
		}
		time.Sleep(11 * time.Second)
		b.want(want...)
	})
}

func TestRun_EndsWithItsInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, nil)
		b.tell(tail.BeatOpened, "a")
		close(b.beats)
		<-b.done
		if b.err != nil {
			t.Errorf("ended with %v", b.err)
		}
	})
}

func TestRun_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, nil)
		b.cancel()
		<-b.done
		if !errors.Is(b.err, context.Canceled) {
			t.Errorf("ended with %v", b.err)
		}
	})
}

// The bubble reports a goroutine that stays.
func TestRun_LoopThatIsLeft_LeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for o, err := range Run(ctx, seq(ctx, nil), Defaults{}) {
			if o.Kind != tail.OrderAlive || err != nil {
				t.Errorf("first order %v, %v", o, err)
			}
			cancel() // in has to end, see Run.
			break
		}
	})
}

func TestRun_HeldUp_AnswersThatWaitedStillCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beats := make(chan tail.Beat)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		orders := map[tail.Order]int{}
		go func() {
			beats <- tail.Beat{Kind: tail.BeatOpened, Session: "answers"}
			beats <- tail.Beat{Kind: tail.BeatOpened, Session: "silent"}
		}()
		for o := range Run(ctx, seq(ctx, beats), Defaults{}) {
			orders[o]++
			if o.Kind == tail.OrderPing && o.Session == "silent" {
				go func() {
					beats <- tail.Beat{Kind: tail.BeatPinged, Session: "silent"}
					beats <- tail.Beat{Kind: tail.BeatPinged, Session: "answers"}
				}()
			}
			if o.Kind == tail.OrderAlive && orders[o] == 12 {
				time.Sleep(20 * time.Second) // The host does not take the order, in spite of the answer that comes.
				go func() {
					time.Sleep(grace / 2)
					beats <- tail.Beat{Kind: tail.BeatAnswered, Session: "answers"}
				}()
			}
			if o.Kind == tail.OrderAlive && orders[o] == 15 {
				cancel() // in has to end, see Run.
				break
			}
		}
		cancel()
		dead := maps.Clone(orders)
		maps.DeleteFunc(dead, func(o tail.Order, _ int) bool { return o.Kind != tail.OrderDeadSilent })
		if len(dead) != 1 || dead[tail.Order{Kind: tail.OrderDeadSilent, Session: "silent"}] != 1 {
			t.Errorf("dead: %v", dead)
		}
	})
}

func TestRun_TooLongAName_EndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Defaults{}, nil)
		b.tell(tail.BeatOpened, string(make([]byte, MaxSessionName+1)))
		<-b.done
		if !errors.Is(b.err, tail.ErrBadRequest) {
			t.Errorf("ended with %v", b.err)
		}
	})
}

func BenchmarkRun_TenThousandSessions_Beat(b *testing.B) {
	w := &watch{defaults: Defaults{DefaultInterval, DefaultTimeout}, sessions: map[string]*session{}}
	yield := func(tail.Order, error) bool { return true }
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint(i)
		w.hear(tail.Beat{Kind: tail.BeatOpened, Session: names[i]}, yield)
	}
	i := 0
	for b.Loop() {
		s := w.sessions[names[i%len(names)]]
		w.rest(s)
		s.state = ordered
		w.hear(tail.Beat{Kind: tail.BeatPinged, Session: s.name}, yield)
		w.hear(tail.Beat{Kind: tail.BeatAnswered, Session: s.name}, yield)
		i++
	}
}
