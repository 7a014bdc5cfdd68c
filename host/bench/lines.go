package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// A line is 120 bytes: @, a number of 12 digits, a space, the time in microseconds in 16 digits, a space, filling, a newline. No other
// byte of it is an @, so that lines can be counted in whatever a server makes of them.
const lineLength = 120

var filling = bytes.Repeat([]byte("log line "), 20)

func appendLine(dst []byte, n int64, at time.Time) []byte {
	from := len(dst)
	dst = fmt.Appendf(dst, "@%012d %016d ", n, at.UnixMicro())
	dst = append(dst, filling[:lineLength-1-(len(dst)-from)]...)
	return append(dst, '\n')
}

// digits reads the number of so many digits at the start of b; -1 if it is none.
func digits(b []byte, count int) int64 {
	if len(b) < count {
		return -1
	}
	n := int64(0)
	for _, c := range b[:count] {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// lineTime returns when the line at the start of b was made; ok is false if it is cut off.
func lineTime(b []byte) (time.Time, bool) {
	if len(b) < 30 || b[0] != '@' {
		return time.Time{}, false
	}
	n := digits(b[14:], 16)
	return time.UnixMicro(n), n > 0
}

// viewer is a connection to a server.
type viewer struct {
	ws  *websocket.Conn
	buf []byte
}

func dial(ctx context.Context, s *server, path string, lines int) (*viewer, error) {
	d := websocket.Dialer{HandshakeTimeout: 20 * time.Second, ReadBufferSize: 4 << 10, WriteBufferSize: 512}
	if s.subprotocol != "" {
		d.Subprotocols = []string{s.subprotocol}
	}
	ws, resp, err := d.DialContext(ctx, s.url(path, lines), nil)
	if resp != nil {
		resp.Body.Close()
	}
	switch {
	case err != nil && resp != nil:
		return nil, fmt.Errorf("%s answers %s: %w", s.name, resp.Status, err)
	case err != nil:
		return nil, err
	}
	return &viewer{ws: ws}, nil
}

// next returns the content of the next frame, which is good until the one after. Heartbeats are answered.
func (v *viewer) next() ([]byte, error) {
	for {
		_, r, err := v.ws.NextReader()
		if err != nil {
			return nil, err
		}
		v.buf = v.buf[:0]
		for {
			if len(v.buf) == cap(v.buf) {
				v.buf = append(v.buf, 0)[:len(v.buf)]
			}
			n, err := r.Read(v.buf[len(v.buf):cap(v.buf)])
			v.buf = v.buf[:len(v.buf)+n]
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
		}
		switch {
		case string(v.buf) == "ping":
			err = v.ws.WriteMessage(websocket.TextMessage, []byte("pong"))
		case bytes.HasPrefix(v.buf, []byte(`{"t":"ping","id":`)):
			id := bytes.TrimPrefix(v.buf, []byte(`{"t":"ping","id":`))
			n := 0
			for n < len(id) && '0' <= id[n] && id[n] <= '9' {
				n++
			}
			err = v.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"t":"pong","id":%s}`, id[:n]))
		default:
			return v.buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// lines reads until so many lines have come.
func (v *viewer) lines(n int) error {
	for n > 0 {
		b, err := v.next()
		if err != nil {
			return err
		}
		n -= bytes.Count(b, at)
	}
	return nil
}

var at = []byte("@")

func (v *viewer) close() { v.ws.Close() }

// logFile is a log that the bench writes.
type logFile struct {
	*os.File
	next int64
}

func createLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o644)
	return &logFile{File: f, next: 1}, err
}

// write appends n lines in one write.
func (l *logFile) write(n int) error {
	var b []byte
	now := time.Now()
	for range n {
		b = appendLine(b, l.next, now)
		l.next++
	}
	_, err := l.Write(b)
	return err
}

// fill appends so many bytes of lines, in writes of 1 MiB at the most, and returns how many lines they are.
func (l *logFile) fill(size int64) (int, error) {
	const block = 1 << 20 / lineLength
	total := int(size / lineLength)
	for left := total; left > 0; left -= block {
		if err := l.write(min(left, block)); err != nil {
			return 0, err
		}
	}
	return total, nil
}
