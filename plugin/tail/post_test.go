package tail

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// mail is a datagram of the post.
type mail struct {
	kind   byte
	ticket uint64
	lane   net.Conn
}

// sorting returns a sorter that is given mail; it ends with the test.
func sorting(t *testing.T) (*sorter, func(mail)) {
	t.Helper()
	s := &sorter{lanes: map[uint64]chan net.Conn{}}
	post := make(chan mail)
	done := make(chan error, 1)
	go func() {
		done <- s.sort(func() (byte, uint64, net.Conn, error) {
			m, ok := <-post
			if !ok {
				return 0, 0, nil, io.EOF
			}
			return m.kind, m.ticket, m.lane, nil
		})
	}()
	t.Cleanup(func() {
		close(post)
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if len(s.lanes) > 0 {
			t.Errorf("%d tickets are left", len(s.lanes))
		}
	})
	return s, func(m mail) { post <- m }
}

func closed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Unix(1, 0))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.ErrClosedPipe)
}

func TestSorter_LaneComesBeforeOrAfterItsCall_IsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, post := sorting(t)
		a, _ := net.Pipe()
		post(mail{postLane, 1, a})
		if got := s.take(t.Context(), 1); got != a {
			t.Errorf("took %v", got)
		}
		b, _ := net.Pipe()
		go func() {
			time.Sleep(postPatience / 2)
			post(mail{postLane, 2, b})
		}()
		if got := s.take(t.Context(), 2); got != b {
			t.Errorf("took %v", got)
		}
		for _, m := range []mail{{postDone, 1, nil}, {postDone, 2, nil}, {postDone, 77, nil}} {
			post(m)
		}
		synctest.Wait()
		if closed(a) || closed(b) {
			t.Error("a lane that was taken is closed by the sorter")
		}
	})
}

func TestSorter_LaneThatNobodyTakes_IsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, post := sorting(t)
		a, _ := net.Pipe()
		post(mail{postLane, 1, a})
		post(mail{postDone, 1, nil})
		synctest.Wait()
		if !closed(a) {
			t.Error("it is open")
		}
		begin := time.Now()
		if got := s.take(t.Context(), 2); got != nil || time.Since(begin) != postPatience {
			t.Errorf("took %v after %v", got, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := s.take(ctx, 3); got != nil {
			t.Errorf("took %v", got)
		}
		if got := s.take(t.Context(), 0); got != nil {
			t.Errorf("took %v without a ticket", got)
		}
		if got := (*sorter)(nil).take(t.Context(), 1); got != nil {
			t.Errorf("took %v without a post", got)
		}
	})
}

func TestSorter_WhatIsNoMail_EndsIt(t *testing.T) {
	s := &sorter{lanes: map[uint64]chan net.Conn{}}
	for _, m := range []mail{{'X', 1, nil}, {postLane, 1, nil}} {
		if err := s.sort(func() (byte, uint64, net.Conn, error) { return m.kind, m.ticket, m.lane, nil }); err == nil {
			t.Errorf("%q with the lane %v is taken", m.kind, m.lane)
		}
	}
}
