package tail_test

import (
	"context"
	"fmt"
	"os"

	"github.com/livetail/livetail/plugin/tail"
)

// A host in 25 lines: start a plugin, follow a log, print its lines.
func ExampleLaunch() {
	ctx := context.Background()
	plugin, err := tail.Launch(ctx, tail.LaunchOptions{
		Path:   "/usr/local/bin/livetail-plugin",
		Args:   []string{"/var/log"},
		Stderr: os.Stderr,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plugin.Close()
	req := tail.FollowRequest{Log: "/var/log/app.log", Start: tail.StartAtLastLines(1000), Follow: true}
	for event, err := range plugin.Follow(ctx, req) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch e := event.(type) {
		case tail.Lines:
			os.Stdout.Write(e.Text)
		case tail.Gap:
			fmt.Println("lines are missing here:", e.Cause)
		}
	}
}
