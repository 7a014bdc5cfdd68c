package tail

import (
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
)

// OverGRPC returns t as a host sees it, over a real connection in this process.
func OverGRPC(tb testing.TB, t Tailer) Tailer {
	tb.Helper()
	c, _ := goplugin.TestPluginGRPCConn(tb, false, goplugin.PluginSet{pluginName: &grpcPlugin{impl: t}})
	tb.Cleanup(func() { _ = c.Close() }) // It shuts the server down, too.
	raw, err := c.Dispense(pluginName)
	if err != nil {
		tb.Fatal(err)
	}
	return raw.(Tailer)
}

// Handshake is what tells a livetail plugin from other programs.
var Handshake = handshake

// PluginSet is what a plugin serves.
func PluginSet(t Tailer) goplugin.PluginSet { return versions(t)[ProtocolVersion] }
