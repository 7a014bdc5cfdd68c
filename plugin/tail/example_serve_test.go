package tail_test

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// hello is a tailer with one log that holds one line.
type hello struct{ tail.Unimplemented }

func (hello) Info(context.Context) (tail.Info, error) {
	return tail.Info{Name: "hello", Version: "1.0"}, nil
}

func (hello) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		start := tail.Position{Generation: "hello"}
		end := start.Add(6)
		from, _ := req.Start.Position() // A host that comes back names the position it has come to.
		if !req.Start.End() && !from.Same(end) && !yield(tail.Lines{Start: start, End: end, Text: []byte("hello\n")}, nil) {
			return
		}
		if yield(tail.CaughtUp{At: end}, nil) && req.Follow {
			<-ctx.Done() // Nothing more is ever written.
			yield(nil, ctx.Err())
		}
	}
}

func (hello) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return heartbeat.Run(ctx, in, heartbeat.Defaults{})
}

// A plugin in 25 lines: a tailer, and a main function that serves it.
func ExampleServe() {
	if err := tail.Serve(hello{}); err != nil {
		fmt.Fprintln(os.Stderr, err) // Somebody has started it by hand.
		os.Exit(2)
	}
}
