package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	hclog "github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// patience bounds every wait.
const patience = 2 * time.Minute

// programs are the data source and the front door, built once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "livetail-grafana-")
	if err != nil {
		return "", err
	}
	for _, b := range []struct{ in, name, pkg string }{{".", "gpx_livetail", "."}, {"../..", "livetail", "./host/cmd/livetail"}} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b.name), b.pkg)
		cmd.Dir = b.in
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", b.name, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// door is a running front door.
type door struct {
	t    *testing.T
	addr string
	args []string
	cmd  *exec.Cmd
}

// serve starts a front door.
func serve(t *testing.T, args ...string) *door {
	t.Helper()
	d := &door{t: t, args: args}
	d.start("127.0.0.1:0")
	t.Cleanup(d.stop)
	return d
}

func (d *door) start(listen string) {
	d.t.Helper()
	d.cmd = exec.Command(program(d.t, "livetail"), append([]string{"serve", "--listen", listen}, d.args...)...)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	said := make([]byte, 0, 4096)
	for !strings.Contains(string(said), "listening on ") || !strings.HasSuffix(string(said), "\n") {
		b := make([]byte, 256)
		n, err := out.Read(b)
		said = append(said, b[:n]...)
		if err != nil {
			d.t.Fatalf("the front door said %q: %v", said, err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // Ends with the process.
	words := strings.Fields(string(said))
	d.addr = words[len(words)-1]
}

func (d *door) stop() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
}

// restart does what an upgrade does.
func (d *door) restart() {
	d.t.Helper()
	d.stop()
	d.start(d.addr)
}

// grafana is what Grafana does with a plugin: the other end of the handshake, and of the calls.
type grafana struct {
	t      *testing.T
	client *goplugin.Client
	health pluginv2.DiagnosticsClient
	data   pluginv2.DataClient
	res    pluginv2.ResourceClient
	stream pluginv2.StreamClient
	where  *pluginv2.PluginContext
}

// load starts the data source as Grafana does, configured for a front door.
func load(t *testing.T, url string, secrets map[string]string) *grafana {
	t.Helper()
	g := &grafana{t: t, where: &pluginv2.PluginContext{
		OrgId: 1, PluginId: pluginID,
		DataSourceInstanceSettings: &pluginv2.DataSourceInstanceSettings{
			Uid: "livetail", Name: "livetail", Url: url, JsonData: []byte("{}"), DecryptedSecureJsonData: secrets,
			LastUpdatedMS: time.Now().UnixMilli(),
		},
	}}
	g.start()
	t.Cleanup(func() { g.client.Kill() })
	return g
}

func (g *grafana) start() {
	g.t.Helper()
	g.client = goplugin.NewClient(&goplugin.ClientConfig{
		Cmd:              exec.Command(program(g.t, "gpx_livetail")),
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: 2, MagicCookieKey: "grafana_plugin_type", MagicCookieValue: "datasource"},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		VersionedPlugins: map[int]goplugin.PluginSet{2: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{}, "resource": &grpcplugin.ResourceGRPCPlugin{},
			"data": &grpcplugin.DataGRPCPlugin{}, "stream": &grpcplugin.StreamGRPCPlugin{},
		}},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard}),
	})
	rpc, err := g.client.Client()
	if err != nil {
		g.t.Fatal(err)
	}
	get := func(name string) any {
		raw, err := rpc.Dispense(name)
		if err != nil {
			g.t.Fatal(err)
		}
		return raw
	}
	g.health, g.data = get("diagnostics").(pluginv2.DiagnosticsClient), get("data").(pluginv2.DataClient)
	g.res, g.stream = get("resource").(pluginv2.ResourceClient), get("stream").(pluginv2.StreamClient)
}

// kill ends the process as a crash would, and starts another as Grafana does.
func (g *grafana) kill() {
	g.t.Helper()
	p, err := os.FindProcess(g.client.ReattachConfig().Pid)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		g.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !g.client.Exited(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatal("the process lives on")
		}
	}
	g.client.Kill()
	g.start()
}

// shown is a line as a panel gets it.
type shown struct{ id, text string }

// frameJSON is a frame of a stream: the first of a channel has a schema.
type frameJSON struct {
	Schema *struct {
		Fields []struct{ Name string }
		Meta   struct{ Type string }
	}
	Data struct{ Values [5]json.RawMessage }
}

// follow runs a stream until done says so, and returns why it ended.
func (g *grafana) follow(query string, done func(shown) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sub, err := g.stream.SubscribeStream(ctx, &pluginv2.SubscribeStreamRequest{PluginContext: g.where, Path: "tail/x", Data: []byte(query)})
	if err != nil {
		return err
	}
	if sub.GetStatus() != pluginv2.SubscribeStreamResponse_OK {
		return fmt.Errorf("refused: %v", sub.GetStatus())
	}
	var first frameJSON
	if err := json.Unmarshal(sub.GetData(), &first); err != nil || first.Schema == nil || first.Schema.Meta.Type != "log-lines" || first.Schema.Fields[1].Name != "body" {
		return fmt.Errorf("the first frame is %s: %w", sub.GetData(), err)
	}
	run, err := g.stream.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: g.where, Path: "tail/x", Data: []byte(query)})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		packet, err := run.Recv()
		if err != nil {
			return err
		}
		var f frameJSON
		if err := json.Unmarshal(packet.GetData(), &f); err != nil {
			return err
		}
		if (f.Schema != nil) != (n == 0) {
			return errors.New("the schema belongs into the first frame alone")
		}
		var times []int64
		var bodies, ids, severities []string
		var labels []map[string]string
		for i, to := range []any{&times, &bodies, &ids, &labels, &severities} {
			if err := json.Unmarshal(f.Data.Values[i], to); err != nil {
				return err
			}
		}
		if n := len(bodies); len(times) != n || len(ids) != n || len(labels) != n || len(severities) != n {
			return fmt.Errorf("fields of different lengths: %s", packet.GetData())
		}
		for i := range bodies {
			if done(shown{ids[i], bodies[i]}) {
				return nil
			}
		}
	}
}

func appendTo(t *testing.T, log, text string) {
	t.Helper()
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// resource asks the data source's own API.
func (g *grafana) resource(path string) (status int, body string) {
	g.t.Helper()
	s, err := g.res.CallResource(g.t.Context(), &pluginv2.CallResourceRequest{PluginContext: g.where, Path: path, Method: http.MethodGet})
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := s.Recv()
	if err != nil {
		g.t.Fatal(err)
	}
	return int(r.GetCode()), string(r.GetBody())
}

// credential makes a token and the line of the credentials file for it.
func credential(t *testing.T) (secret, line string) {
	t.Helper()
	cmd := exec.Command(program(t, "livetail"), "token", "grafana")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(stderr.String())
	return words[len(words)-1], strings.TrimSpace(string(out))
}

// certificate makes one for this machine that is its own authority, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}
