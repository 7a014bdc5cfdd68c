package tail

import (
	"context"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// ProtocolVersion is the newest version of the contract that this package speaks. It grows when a change cannot be made by adding
// fields or events; the older version is then served beside it for as long as there are plugins that need it.
const ProtocolVersion = 1

// pluginName is the key of the tailer in go-plugin's sets.
const pluginName = "tailer"

// handshake tells a livetail plugin from any other program. It is no secret and never changes.
var handshake = goplugin.HandshakeConfig{
	MagicCookieKey:   "LIVETAIL_PLUGIN",
	MagicCookieValue: "b8f9e1c2-tailer",
}

// versions returns the plugin sets by protocol version.
func versions(p *grpcPlugin) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{ProtocolVersion: {pluginName: p}}
}

// grpcPlugin ties a [Tailer] to go-plugin.
type grpcPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	// On the plugin's side:
	impl   Tailer
	sorter *sorter
	// On the host's side:
	post *post
}

var _ goplugin.GRPCPlugin = (*grpcPlugin)(nil)

func (p *grpcPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	tailpb.RegisterTailerServiceServer(s, &server{impl: p.impl, sorter: p.sorter})
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return &client{rpc: tailpb.NewTailerServiceClient(c), post: p.post}, nil
}

// Sizes of the connection between host and plugin, in bytes.
const (
	// streamWindow is how far the plugin may be ahead of a reader: two batches.
	streamWindow = 2 * MaxBatch
	// connWindow is the same for all streams together; grpc-go gives it back on receipt, so one slow reader does not hold up others.
	connWindow = 16 * MaxBatch
	ioBuffer   = 128 << 10
	// maxToHost and maxToPlugin bound a message in either direction. A page of history holds several batches.
	maxToHost   = 4 << 20
	maxToPlugin = 1 << 20
)

// dialOptions are those of the host's side of the connection.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxToHost), grpc.MaxCallSendMsgSize(maxToPlugin)),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithReadBufferSize(ioBuffer), grpc.WithWriteBufferSize(ioBuffer),
	}
}

// serverOptions are those of the plugin's side of the connection.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxToPlugin), grpc.MaxSendMsgSize(maxToHost),
		grpc.ReadBufferSize(ioBuffer), grpc.WriteBufferSize(ioBuffer),
	}
}
