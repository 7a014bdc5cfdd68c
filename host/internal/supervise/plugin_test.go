package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
)

func TestFollow_PluginKilled_GoesOnAtTheNextLine(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		log := w.fake.AddLog("/log", "1", "2", "3")
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/log", Start: tail.StartAtLastLines(2), Follow: true})
		synctest.Wait()
		w.last().Kill()
		log.Append("4")
		log.Rotate()
		log.Append("5")
		time.Sleep(time.Second)
		w.last().Kill()
		time.Sleep(time.Minute)
		log.Append("6")
		synctest.Wait()
		f.cancel()
		<-f.done
		if got, want := f.got(), "2, 3, caught up, 4, boundary, 5, caught up, 6, caught up"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !errors.Is(f.err, context.Canceled) {
			t.Errorf("the call ended with %v", f.err)
		}
	})
}

func TestFollow_PluginKilledBeforeTheFirstEvent_IsAskedAnew(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.fake.AddLog("/log", "1", "2", "3")
		w.fake.Hang()
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/log", Start: tail.StartAtLastLines(2)})
		synctest.Wait()
		w.last().Kill()
		<-f.done
		if got, want := f.got(), "2, 3, caught up"; got != want || f.err != nil {
			t.Errorf("got %s, %v; want %s", got, f.err, want)
		}
	})
}

func TestFollow_RefusalOfTheTailer_ReachesTheCaller(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/none"})
		<-f.done
		if !errors.Is(f.err, tail.ErrNotFound) {
			t.Errorf("got %v", f.err)
		}
	})
}

func TestFollow_PositionGoneAfterRestart_DeclaresAGapAndDoublesNothing(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		log := w.fake.AddLog("/log", "1", "2")
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/log", Start: tail.StartAtBeginning(), Follow: true})
		synctest.Wait()
		w.fake.FailNext(nil) // Info of the new process.
		w.fake.FailNext(tail.ErrPositionGone, tail.ErrPositionGone)
		w.last().Kill()
		time.Sleep(time.Second)
		log.Append("3")
		synctest.Wait()
		f.cancel()
		<-f.done
		if got := f.got(); !strings.HasPrefix(got, "1, 2, caught up, gap down") || strings.Count(got, "1") != 1 {
			t.Errorf("got %s", got)
		}
	})
}

func TestRun_PluginKilled_StartsAnotherAtOnce(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		time.Sleep(time.Second)
		w.last().Kill()
		synctest.Wait()
		s := p.Status()
		if s.State != supervise.StateUp || s.Pid != 2 || s.Restarts != 1 || s.Err == nil {
			t.Errorf("got %+v", s)
		}
	})
}

func TestRun_StartFailsAgainAndAgain_WaitsLongerEachTimeAndTheBreakerOpens(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.refuseWith(errors.New("no such file"))
		time.Sleep(time.Minute)
		w.last().Kill()
		synctest.Wait()
		if err := p.Ready(); err != nil {
			t.Errorf("not ready while it is only being restarted: %v", err)
		}
		time.Sleep(4 * time.Minute)
		gaps := w.gaps()[1:] // The first one is the minute above.
		want := 100 * time.Millisecond
		for i, got := range gaps {
			if i >= 8 {
				want = 30 * time.Second // The breaker.
			}
			if got > want || got < want*3/4 {
				t.Errorf("wait %d is %v, want %v or a little less", i+1, got, want)
			}
			want *= 2
		}
		if len(gaps) < 12 {
			t.Errorf("only %d tries", len(gaps))
		}
		err := p.Ready()
		if p.Status().State != supervise.StateDown || err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("state %v, %v", p.Status().State, err)
		}
		w.refuseWith(nil)
		time.Sleep(30 * time.Second)
		if err := p.Ready(); err != nil || p.Status().State != supervise.StateUp {
			t.Errorf("after the repair: %v, %v", p.Status().State, err)
		}
	})
}

func TestRun_HealthyForAMinute_BackoffBeginsAnew(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		for range 4 {
			w.last().Kill()
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Minute)
		before := time.Now()
		w.last().Kill()
		for s := range p.Watch(t.Context()) {
			if s.State == supervise.StateUp && s.Pid == w.last().pid && s.Restarts == 5 {
				break
			}
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("the restart took %v", d)
		}
	})
}

func TestRun_PluginHangs_IsKilledAndReplaced(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		log := w.fake.AddLog("/log", "1")
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/log", Start: tail.StartAtBeginning(), Follow: true})
		time.Sleep(time.Minute)
		if s := p.Status(); s.Hangs+s.Restarts > 0 {
			t.Fatalf("a plugin that lives was replaced: %+v", s)
		}
		w.fake.Hang()
		log.Append("2")
		time.Sleep(11 * time.Second) // After 10 at the latest: up to one interval until the next look, and four that find nothing.
		s := p.Status()
		if s.Hangs != 1 || s.State != supervise.StateUp || s.Pid != 2 {
			t.Errorf("got %+v", s)
		}
		f.cancel()
		<-f.done
		if got, want := f.got(), "1, caught up, 2, caught up"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestInfo_NoPlugin_SaysSoAfterABoundedTime(t *testing.T) {
	bubble(t, supervise.Options{BackoffMin: time.Hour, BackoffMax: time.Hour}, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.refuseWith(errors.New("broken"))
		w.last().Kill()
		synctest.Wait()
		before := time.Now()
		_, err := p.Info(t.Context())
		if d := time.Since(before); d != 5*time.Second {
			t.Errorf("took %v", d)
		}
		if !errors.Is(err, tail.ErrPluginGone) || !strings.Contains(err.Error(), "restarted") {
			t.Errorf("got %v", err)
		}
		for _, err = range p.List(t.Context(), tail.ListRequest{}) {
		}
		if !errors.Is(err, tail.ErrPluginGone) {
			t.Errorf("List: %v", err)
		}
	})
}

func TestInfo_PluginDiesMeanwhile_IsAskedOnceMore(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.fake.Hang()
		done := make(chan error)
		go func() {
			_, err := p.Info(t.Context())
			done <- err
		}()
		synctest.Wait()
		w.last().Kill()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestList_PluginDiesMeanwhile_GoesOnAfterTheLastEntry(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		for i := range 5 {
			w.fake.AddLog(fmt.Sprintf("/log%d", i))
		}
		var got []string
		for e, err := range p.List(t.Context(), tail.ListRequest{}) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, e.Log); len(got) == 2 {
				w.last().Kill()
			}
		}
		if fmt.Sprint(got) != "[/log0 /log1 /log2 /log3 /log4]" {
			t.Errorf("got %v", got)
		}
	})
}

func TestSwap_FollowsGoOverAndTheOldProcessIsClosed(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		log := w.fake.AddLog("/log", "1")
		f := follow(t.Context(), p, tail.FollowRequest{Log: "/log", Start: tail.StartAtBeginning(), Follow: true})
		beat := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithCancel(t.Context())
			for _, err := range p.Heartbeat(ctx, func(func(tail.Beat) bool) { <-ctx.Done() }) {
				if err != nil {
					cancel()
					beat <- err
				}
			}
			cancel()
		}()
		synctest.Wait()
		old := w.last()
		if err := p.Swap(t.Context(), w.launch); err != nil {
			t.Fatal(err)
		}
		if err := <-beat; !errors.Is(err, tail.ErrPluginGone) {
			t.Errorf("the heartbeat call ended with %v", err)
		}
		<-old.closed
		log.Append("2")
		synctest.Wait()
		if s := p.Status(); s.Pid != 2 || s.Restarts != 0 || s.State != supervise.StateUp {
			t.Errorf("got %+v", s)
		}
		f.cancel()
		<-f.done
		if got, want := f.got(), "1, caught up, 2, caught up"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if n := w.fake.Followers("/log"); n != 0 {
			t.Errorf("%d Follow calls are left", n)
		}
	})
}

func TestSwap_NewPluginDoesNotStart_TheOldOneStays(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		err := p.Swap(t.Context(), func(context.Context) (supervise.Process, error) { return nil, errors.New("not executable") })
		if err == nil || !strings.Contains(err.Error(), "not executable") {
			t.Errorf("got %v", err)
		}
		if _, err := p.Info(t.Context()); err != nil || p.Status().Pid != 1 {
			t.Errorf("got %v, %+v", err, p.Status())
		}
	})
}

func TestSwap_WhileThePluginIsDown_BringsItUp(t *testing.T) {
	bubble(t, supervise.Options{}, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.refuseWith(errors.New("broken"))
		w.last().Kill()
		time.Sleep(5 * time.Minute)
		if p.Ready() == nil {
			t.Fatal("ready")
		}
		w.refuseWith(nil)
		if err := p.Swap(t.Context(), w.launch); err != nil {
			t.Fatal(err)
		}
		if err := p.Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestOnStatus_IsToldEveryChangeInOrder(t *testing.T) {
	var told []string
	o := supervise.Options{OnStatus: func(s supervise.Status) { told = append(told, s.State.String()) }}
	bubble(t, o, func(t *testing.T, w *world, p *supervise.Plugin) {
		w.refuseWith(errors.New("broken"))
		time.Sleep(time.Second)
		w.last().Kill()
		synctest.Wait()
		w.refuseWith(nil)
		time.Sleep(time.Minute)
	})
	if got, want := strings.Join(told, " "), "up restarting restarting up stopped"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
