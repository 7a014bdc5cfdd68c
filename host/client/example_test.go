package client_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

// A program that prints a log until it is interrupted, whatever happens to the connection meanwhile.
func ExampleFollow() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for event, err := range client.Follow(ctx, "ws://127.0.0.1:8765/var/log/app.log?lines=10", client.Options{}) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		switch e := event.(type) {
		case tail.Lines:
			os.Stdout.Write(e.Text)
		case tail.Gap:
			fmt.Printf("(lines are missing here: %s)\n", e.Cause)
		}
	}
}
