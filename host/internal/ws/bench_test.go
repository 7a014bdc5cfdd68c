package ws

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// flood is a tailer whose log is so many equal batches.
type flood struct {
	tail.Tailer
	batch   []byte
	batches int
}

func (f flood) Follow(ctx context.Context, _ tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		p := tail.Position{Generation: "g"}
		for range f.batches {
			l := tail.Lines{Start: p, End: p.Add(int64(len(f.batch))), Text: f.batch}
			if p = l.End; !yield(l, nil) {
				return
			}
		}
		yield(tail.CaughtUp{At: p}, nil)
	}
}

// BenchmarkOneClient sends 192 MiB to one client that throws them away, beside the least that has to be done: a loop that writes the
// same blocks with package websocket.
func BenchmarkOneClient(b *testing.B) {
	line := []byte("2020-09-17 08:59:00.123 INFO worker 12 handled request 4711 in 23.5 ms, status 200, 1834 bytes, cache hit, user anonym\n")
	f := flood{tailtest.NewFake(), bytes.Repeat(line, tail.MaxBatch/len(line)), 192 << 20 / tail.MaxBatch}
	upgrader := websocket.Upgrader{}
	for name, handler := range map[string]func(*Server, Source) http.HandlerFunc{
		"minimal": func(*Server, Source) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				c, err := upgrader.Upgrade(w, r, nil)
				if err != nil {
					return
				}
				defer c.Close()
				for range f.batches {
					for rest := f.batch; len(rest) > 0; {
						n := min(len(rest), 64<<10)
						if c.WriteMessage(websocket.TextMessage, rest[:n]) != nil {
							return
						}
						rest = rest[n:]
					}
				}
			}
		},
		"plain": func(s *Server, from Source) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				s.Serve(w, r, Request{Source: from, Hub: hub.Request{Log: "/x"}})
			}
		},
		wire.Subprotocol: func(s *Server, from Source) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				s.Serve(w, r, Request{Source: from, Hub: hub.Request{Log: "/x"}, Format: wire.Format{Raw: true}})
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			h := hub.New(f, hub.Options{})
			s := New(Options{})
			server := httptest.NewServer(handler(s, Source{Hub: h, Tailer: f}))
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			wg.Go(func() { h.Run(ctx) })
			defer func() {
				s.Drain(b.Context())
				server.Close()
				cancel()
				wg.Wait()
			}()
			b.SetBytes(int64(len(f.batch) * f.batches))
			for b.Loop() {
				c, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", name)
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(c, int64(len(f.batch)*f.batches))}, make([]byte, 256<<10))
				if err != nil || n < int64(len(f.batch)*f.batches) {
					b.Fatal(n, err)
				}
				c.Close()
			}
		})
	}
}
