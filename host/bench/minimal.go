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
	"sync/atomic"
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
	open := files{open: map[string]*sharedFile{}}
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
		var gone atomic.Bool
		go func() { // Ends with the connection: control frames are answered while it reads.
			for {
				if _, _, err := ws.NextReader(); err != nil {
					break
				}
			}
			gone.Store(true)
			_ = ws.Close() // The loop may notice only when something is written next; the descriptor is free now.
		}()
		_ = copyOut(ws, path, r.URL.Query().Get("lines") != "0", w, &open, &gone)
	})}
	fmt.Printf("minimal listening on %s\n", ln.Addr())
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// copyOut is the loop.
func copyOut(ws *websocket.Conn, path string, last bool, w *changes, open *files, gone *atomic.Bool) error {
	f, err := open.get(path)
	if err != nil {
		return err
	}
	defer open.put(f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := info.Size()
	buf := make([]byte, 64<<10)
	if last {
		at = lastLines(f.File, at, 1000, buf)
	}
	for !gone.Load() {
		seen := w.now()
		n, err := f.ReadAt(buf, at)
		if n > 0 {
			at += int64(n)
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
	return nil
}

// files shares open files among the connections, so that each takes one descriptor.
type files struct {
	mu   sync.Mutex // guards open and the users of all
	open map[string]*sharedFile
}

type sharedFile struct {
	*os.File
	users int
}

func (f *files) get(path string) (*sharedFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.open[path]
	if s == nil {
		file, err := os.Open(path) //nolint:gosec // It serves the folder of the bench to the bench, on loopback.
		if err != nil {
			return nil, err
		}
		s = &sharedFile{File: file}
		f.open[path] = s
	}
	s.users++
	return s, nil
}

// put gives a file back. The next one of that name is opened anew, for it may be another.
func (f *files) put(s *sharedFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(f.open, s.Name())
		_ = s.Close()
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
