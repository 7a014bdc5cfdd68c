package tail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// ErrNotPlugin is returned by [Serve] when the program was not started by a host.
var ErrNotPlugin = errors.New("this program is a livetail plugin: livetail starts it, for example with livetail serve --plugin FILE")

// Serve makes this process a plugin that offers t. It returns when the host has ended the plugin, or at once with [ErrNotPlugin]
// if there is no host. If the host dies, so does the process, within two seconds.
//
// Before Serve nothing may be written to standard output, which carries the handshake. After it, os.Stdout and os.Stderr are pipes to the
// host's log; a logger made before Serve keeps the true standard error and is to be preferred.
func Serve(t Tailer) error {
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		return ErrNotPlugin
	}
	// An interrupt or a termination that was meant for the whole process group must not take the plugin away before the host has
	// told its clients good-bye. The host ends the plugin itself, and a dead host is noticed below.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go exitWithParent(ctx, os.Getppid())
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: versions(&grpcPlugin{impl: t, sorter: inheritPost()}),
		Logger: hclog.New(&hclog.LoggerOptions{
			Level: hclog.Warn, Output: os.Stderr, JSONFormat: true,
		}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions()...)...)
		},
	})
	return nil
}

// exitWithParent ends the process when the host has died, which go-plugin does not do: there is nobody left to serve. On Linux the
// kernel does it sooner (see launch_linux.go); this works everywhere.
func exitWithParent(ctx context.Context, parent int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				fmt.Fprintln(os.Stderr, "the host is gone, the plugin ends")
				os.Exit(1)
			}
		}
	}
}
