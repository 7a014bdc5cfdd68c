package supervise_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
)

func servePlugin() {
	if os.Getenv(pluginEnv) == "host" {
		p, err := executable()(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Pid())
		select {}
	}
	if err := tail.Serve(fileTailer{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func executable() supervise.LaunchFunc {
	return supervise.Executable(func() tail.LaunchOptions {
		path, err := os.Executable()
		if err != nil {
			panic(err)
		}
		return tail.LaunchOptions{Path: path, Env: []string{pluginEnv + "=plugin"}}
	})
}

type fileTailer struct{ tail.Unimplemented }

func (fileTailer) Info(context.Context) (tail.Info, error) { return tail.Info{Name: "file"}, nil }
func (fileTailer) List(context.Context, tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(func(tail.Entry, error) bool) {}
}

func (fileTailer) Read(context.Context, tail.ReadRequest) (tail.Page, error) {
	return tail.Page{}, tail.ErrUnsupported
}

func (fileTailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		f, err := os.Open(req.Log)
		if err != nil {
			yield(nil, tail.ErrNotFound)
			return
		}
		defer f.Close()
		at, _ := req.Start.Position()
		at.Generation = "g"
		if req.Start.End() {
			at.Offset, _ = f.Seek(0, io.SeekEnd)
		}
		buf := make([]byte, 16<<10)
		for caughtUp := false; ; {
			n, err := f.ReadAt(buf, at.Offset)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, tail.ErrUnreadable)
				return
			}
			n = bytes.LastIndexByte(buf[:n], '\n') + 1
			if n > 0 {
				caughtUp = false
				end := at.Add(int64(n))
				if !yield(tail.Lines{Start: at, End: end, Text: buf[:n]}, nil) {
					return
				}
				at = end
				continue
			}
			if !caughtUp {
				caughtUp = true
				if !yield(tail.CaughtUp{At: at}, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func (fileTailer) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() {
			for range in {
			}
			cancel()
		})
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if !yield(tail.Order{Kind: tail.OrderAlive}, nil) {
					return
				}
			}
		}
	}
}
