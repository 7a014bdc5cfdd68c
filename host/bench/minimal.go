package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"
)

// serveMinimal serves the files below dir until ctx is cancelled, and prints where.
func serveMinimal(ctx context.Context, dir string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w, err := newChanges(dir)
	if err != nil {
		return err
	}
	go w.run() // Ends with the process.
	up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 4096}
	s := http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := filepath.Clean(r.URL.Path)
		if !strings.HasPrefix(path, dir) {
			http.NotFound(rw, r)
			return
		}
		ws, err := up.Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		go func() { // Ends with the connection: control frames are answered while it reads.
			for {
				if _, _, err := ws.NextReader(); err != nil {
					return
				}
			}
		}()
		_ = copyOut(ws, path, r.URL.Query().Get("lines") != "0", w)
	})}
	fmt.Printf("minimal listening on %s\n", ln.Addr())
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// copyOut is the loop.
func copyOut(ws *websocket.Conn, path string, last bool, w *changes) error {
	f, err := os.Open(path) //nolint:gosec // It serves the folder of the bench to the bench, on loopback.
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	if last {
		if _, err := f.Seek(lastLines(f, end, 1000, buf), io.SeekStart); err != nil {
			return err
		}
	}
	for {
		seen := w.now()
		n, err := f.Read(buf)
		if n > 0 {
			if err := ws.WriteMessage(websocket.BinaryMessage, buf[:n]); err != nil {
				return err
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		w.wait(seen)
	}
}

// lastLines returns where the last n lines begin.
func lastLines(f *os.File, end int64, n int, buf []byte) int64 {
	for at := end; at > 0; {
		size := min(at, int64(len(buf)))
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil {
			return end
		}
		for i := int(size); i > 0; {
			i = bytes.LastIndexByte(buf[:i], '\n')
			if i < 0 {
				break
			}
			if at+int64(i) == end-1 {
				continue
			}
			if n--; n == 0 {
				return at + int64(i) + 1
			}
		}
	}
	return 0
}

// changes tells when something below a folder was written.
type changes struct {
	fd   int
	mu   sync.Mutex // guards n
	cond *sync.Cond
	n    uint64
}

func newChanges(dir string) (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY); err != nil {
		return nil, err
	}
	c := &changes{fd: fd}
	c.cond = sync.NewCond(&c.mu)
	return c, nil
}

func (c *changes) run() {
	buf := make([]byte, 64<<10)
	for {
		if _, err := unix.Read(c.fd, buf); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
		c.cond.Broadcast()
	}
}

func (c *changes) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// wait returns when something has changed since seen.
func (c *changes) wait(seen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n == seen {
		c.cond.Wait()
	}
}
