package host

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connectionKey is the key of a connection's [connection] in the contexts of its requests.
type connectionKey struct{}

// connection is what is known of a connection until its first request is there.
type connection struct {
	since time.Time
	asked atomic.Bool
	idle  atomic.Int64 // since when it has waited for another request, in nanoseconds since 1970; 0 while there is one
}

// watchConnections has s call slow for each connection on which no request came for as long as a handshake may take, and idle for each that
// was kept for another request until that took too long. Nothing is kept of a connection that has become a WebSocket.
func watchConnections(s *http.Server, slow, idle func()) {
	var open sync.Map // net.Conn to *connection
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		state := &connection{since: time.Now()}
		open.Store(c, state)
		return context.WithValue(ctx, connectionKey{}, state)
	}
	s.ConnState = func(c net.Conn, now http.ConnState) {
		switch now {
		case http.StateIdle, http.StateActive:
			if state, ok := open.Load(c); ok {
				since := int64(0)
				if now == http.StateIdle {
					since = time.Now().UnixNano()
				}
				state.(*connection).idle.Store(since)
			}
		case http.StateClosed, http.StateHijacked:
			state, ok := open.LoadAndDelete(c)
			if !ok {
				return
			}
			switch state := state.(*connection); {
			case !state.asked.Load() && time.Since(state.since) >= s.ReadHeaderTimeout:
				slow()
			case state.idle.Load() != 0 && time.Since(time.Unix(0, state.idle.Load())) >= s.IdleTimeout:
				idle()
			}
		}
	}
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			state.asked.Store(true)
		}
		next.ServeHTTP(w, r)
	})
}
