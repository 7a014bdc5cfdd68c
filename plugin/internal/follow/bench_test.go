package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// benchLog makes a log of about size bytes in lines of 120 bytes and an engine over it.
func benchLog(b *testing.B, size int) (*Engine, guard.Path) {
	b.Helper()
	dir := b.TempDir()
	name := filepath.Join(dir, "app.log")
	line := strings.Repeat("x", 119) + "\n"
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	block := bytes.Repeat([]byte(line), 1<<20/len(line))
	for n := 0; n < size; n += len(block) {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return benchEngine(b, dir)
}

// benchEngine returns an engine over a folder, and the log in it.
func benchEngine(b *testing.B, dir string) (*Engine, guard.Path) {
	b.Helper()
	g, err := guard.New([]string{dir}, guard.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e, err := New(Options{Guard: g})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	p, err := g.Resolve(filepath.Join(dir, "app.log"))
	if err != nil {
		b.Fatal(err)
	}
	return e, p
}

// BenchmarkForward reads 192 MiB from the page cache, as events.
func BenchmarkForward(b *testing.B) {
	const size = 192 << 20
	e, p := benchLog(b, size)
	b.SetBytes(size)
	for b.Loop() {
		for ev, err := range e.Follow(context.Background(), p, tail.FollowRequest{Start: tail.StartAtBeginning()}) {
			if err != nil {
				b.Fatal(err)
			}
			_ = ev
		}
	}
}

// BenchmarkForward_Bare is the floor: the same bytes in the same pieces, nothing else.
func BenchmarkForward_Bare(b *testing.B) {
	const size = 192 << 20
	_, p := benchLog(b, size)
	b.SetBytes(size)
	f, err := os.Open(p.String())
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, blockSize)
	for b.Loop() {
		for off := int64(0); ; {
			n, err := f.ReadAt(buf, off)
			off += int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
		}
	}
}

// BenchmarkLastLines opens a reader at the last 1000 lines and reads them; the two sizes have to cost the same.
func BenchmarkLastLines(b *testing.B) {
	for name, size := range map[string]int{"10MiB": 10 << 20, "1GiB": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			e, p := benchLog(b, size)
			for b.Loop() {
				for _, err := range e.Follow(context.Background(), p, tail.FollowRequest{Start: tail.StartAtLastLines(1000)}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkCut splits a block of lines of 120 bytes.
func BenchmarkCut(b *testing.B) {
	block := bytes.Repeat([]byte(strings.Repeat("x", 119)+"\n"), blockSize/120)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if n, _ := cut(block, false); n != len(block) {
			b.Fatal(n)
		}
	}
}

// BenchmarkLook_Idle is what it costs to look at a log at which nothing has happened.
func BenchmarkLook_Idle(b *testing.B) {
	for _, noEvents := range []bool{false, true} {
		b.Run(fmt.Sprintf("polling=%v", noEvents), func(b *testing.B) {
			dir := b.TempDir()
			g, err := guard.New([]string{dir}, guard.Options{})
			if err != nil {
				b.Fatal(err)
			}
			e, err := New(Options{Guard: g, NoEvents: noEvents, Poll: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			path := filepath.Join(dir, "app.log")
			if err := os.WriteFile(path, []byte("one\n"), 0o644); err != nil {
				b.Fatal(err)
			}
			p, err := g.Resolve(path)
			if err != nil {
				b.Fatal(err)
			}
			l, err := e.acquire(b.Context(), p)
			if err != nil {
				b.Fatal(err)
			}
			defer l.release()
			for b.Loop() {
				if err := l.ask(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
