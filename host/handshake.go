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
}

// watchHandshakes has s call slow for each connection on which no request came for as long as a handshake may take. Nothing is
// kept of a connection that has become a WebSocket.
func watchHandshakes(s *http.Server, patience time.Duration, slow func()) {
	var open sync.Map // net.Conn to *connection
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		state := &connection{since: time.Now()}
		open.Store(c, state)
		return context.WithValue(ctx, connectionKey{}, state)
	}
	s.ConnState = func(c net.Conn, now http.ConnState) {
		if now != http.StateClosed && now != http.StateHijacked {
			return
		}
		if state, ok := open.LoadAndDelete(c); ok {
			if state := state.(*connection); !state.asked.Load() && time.Since(state.since) >= patience {
				slow()
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
