package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// A line is 120 bytes: @, a number of 12 digits, a space, the time in microseconds in 16 digits, a space, filling, a newline. No other
// byte of it is an @, so that lines can be counted in whatever a server makes of them.
const (
	lineLength = 120
	// lineHead is the length of a line's beginning up to and with its time, which takes its last stampLength bytes.
	lineHead    = 1 + 12 + 1 + stampLength
	stampLength = 16
)

var (
	filling = bytes.Repeat([]byte("log line "), 20)
	at      = []byte("@")
)

func appendLine(dst []byte, n int64, at time.Time) []byte {
	from := len(dst)
	dst = fmt.Appendf(dst, "@%012d %016d ", n, at.UnixMicro())
	dst = append(dst, filling[:lineLength-1-(len(dst)-from)]...)
	return append(dst, '\n')
}

// lineTime returns when the line at the start of b was made; ok is false if it is cut off.
func lineTime(b []byte) (made time.Time, ok bool) {
	if len(b) < lineHead || b[0] != '@' {
		return time.Time{}, false
	}
	n := int64(0)
	for _, c := range b[lineHead-stampLength : lineHead] {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		n = n*10 + int64(c-'0')
	}
	return time.UnixMicro(n), n > 0
}

// logFile is a log that the bench writes.
type logFile struct {
	*os.File
	next int64
	buf  []byte
}

func createLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o644)
	return &logFile{File: f, next: 1}, err
}

// write appends n lines in one write.
func (l *logFile) write(n int) error {
	l.buf = l.buf[:0]
	now := time.Now()
	for range n {
		l.buf = appendLine(l.buf, l.next, now)
		l.next++
	}
	_, err := l.Write(l.buf)
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
