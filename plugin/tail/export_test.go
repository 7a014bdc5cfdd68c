package tail

import (
	"context"
	"net"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// OverGRPC returns t as a host sees it, over a connection in this process that has the options of a real one.
func OverGRPC(tb testing.TB, t Tailer) Tailer {
	tb.Helper()
	pipe := bufconn.Listen(ioBuffer)
	s := grpc.NewServer(serverOptions()...)
	tailpb.RegisterTailerServiceServer(s, &server{impl: t})
	done := make(chan error, 1)
	go func() { done <- s.Serve(pipe) }() // Ends with Stop below.
	conn, err := grpc.NewClient("passthrough:///plugin", append(dialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = conn.Close()
		s.Stop()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return &client{rpc: tailpb.NewTailerServiceClient(conn)}
}

// Handshake is what tells a livetail plugin from other programs.
var Handshake = handshake

// PluginSet is what a plugin serves.
func PluginSet(t Tailer) goplugin.PluginSet { return versions(&grpcPlugin{impl: t})[ProtocolVersion] }

// MaxLanes is how many calls have a lane at the same time.
const MaxLanes = maxLanes
