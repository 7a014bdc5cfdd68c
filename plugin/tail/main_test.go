package tail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// roleKey is the variable that makes this test binary one of the programs below instead: a plugin, something that is none, or a host.
const roleKey = "LIVETAIL_TEST_ROLE"

var roles = map[string]func() error{
	"plugin":   func() error { return tail.Serve(newRigged()) },
	"children": func() error { return tail.Serve(withChild(newRigged())) },
	"noisy":    func() error { return tail.Serve(noisy{newRigged()}) },
	"garbage":  func() error { fmt.Println("hello, I am a program"); return sleep() },
	"json":     func() error { fmt.Println(`1|1|tcp|127.0.0.1:1|netrpc|`); return sleep() },
	"flood": func() error {
		_, err := io.Copy(os.Stdout, io.LimitReader(zeros{}, 1<<20))
		return errors.Join(err, sleep())
	},
	"mute":  sleep,
	"exit":  func() error { return errors.New("the configuration is missing") },
	"quiet": func() error { return nil },
	"other": func() error {
		return serveOther(goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "OTHER", MagicCookieValue: "x"}, 1)
	},
	"version": func() error { return serveOther(tail.Handshake, 99) },
	"host":    runHost,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleKey); role != "" {
		if err := roles[role](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func sleep() error { time.Sleep(time.Hour); return nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// serveOther is a go-plugin program that is no livetail plugin, or none of a version that this host knows.
func serveOther(h goplugin.HandshakeConfig, version int) error {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  h,
		VersionedPlugins: map[int]goplugin.PluginSet{version: tail.PluginSet(newRigged())},
		GRPCServer:       goplugin.DefaultGRPCServer,
		Logger:           hclog.NewNullLogger(),
	})
	return nil
}

// rigged is a tailer with logs that are ready, and with logs that misbehave.
type rigged struct {
	*tailtest.Fake
	name string
}

func newRigged() *rigged {
	f := tailtest.NewFake()
	f.Forbid("/forbidden/")
	f.AddLog("/logs/a.log", "one", "two", "three")
	return &rigged{Fake: f, name: "rigged"}
}

func (r *rigged) Info(context.Context) (tail.Info, error) {
	return tail.Info{Name: r.name, Version: "1", Roots: os.Environ()}, nil
}

func (r *rigged) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	switch req.Log {
	case "/panic":
		return func(func(tail.Event, error) bool) { panic("a bug in one log") }
	case "/panic-later":
		return func(yield func(tail.Event, error) bool) {
			yield(tail.CaughtUp{}, nil)
			panic("a bug in one log")
		}
	case "/wide":
		return func(yield func(tail.Event, error) bool) {
			for n := 0; ctx.Err() == nil && yield(tail.Lines{Text: wide(n)}, nil); n++ {
			}
		}
	case "/huge":
		return func(yield func(tail.Event, error) bool) { yield(tail.Lines{Text: make([]byte, 100<<20)}, nil) }
	case "/error":
		return func(yield func(tail.Event, error) bool) { yield(nil, errors.New(strings.Repeat("long ", 1<<20))) }
	}
	return r.Fake.Follow(ctx, req)
}

// withChild gives r a child process, whose id is r's name. The child ends with the plugin if that is killed, as that of any
// plugin has to: the kernel goes by the thread that started it, so that stays.
func withChild(r *rigged) tail.Tailer {
	started := make(chan int)
	go func() {
		runtime.LockOSThread()
		opts := options("mute")
		child := exec.Command(opts.Path)
		child.Env = opts.Env
		child.SysProcAttr = dieWithParent()
		if err := child.Start(); err != nil {
			panic(err)
		}
		started <- child.Process.Pid
		select {}
	}()
	r.name = fmt.Sprint(<-started)
	return r
}

// noisy writes what is hostile to standard error and standard output when it is asked for its name.
type noisy struct{ *rigged }

func (n noisy) Info(ctx context.Context) (tail.Info, error) {
	stderr := os.NewFile(2, "stderr") // os.Stderr has been replaced.
	for i := range 100_000 {
		if i%1000 == 0 {
			fmt.Fprintf(stderr, "%s\n", hostile[i/1000%len(hostile)])
		}
		fmt.Fprintln(stderr, "odd line", i)
	}
	_, _ = stderr.WriteString(strings.Repeat("x", 10<<20) + "\n")
	for _, out := range []io.Writer{os.Stdout, os.Stderr} {
		_, _ = io.Copy(out, io.LimitReader(zeros{}, 1<<20))
		fmt.Fprintln(out, strings.Join(hostile, "\n"))
	}
	go func() { _, _ = syscall.Write(1, make([]byte, 1<<20)) }() // The true one; it may block.
	return n.rigged.Info(ctx)
}

var hostile = []string{
	`{"@message":1}`, `{"@level":{}}`, `{"@timestamp":[]}`, `{"@message":null,"@level":3,"@timestamp":true,"@module":0}`,
	"{", "\xff\xfe\x00", "\x1b[2J\x1b]0;title\x07", "panic: x", "[ERROR] x: y", "1|1|unix|/x|grpc", "",
}

// runHost is a host that starts a plugin with a child, prints both process ids, and waits to be killed.
func runHost() error {
	opts := options("children")
	opts.RunDir = os.Getenv("TMPDIR")
	p, err := tail.Launch(context.Background(), opts)
	if err != nil {
		return err
	}
	info, err := p.Info(context.Background())
	if err != nil {
		return err
	}
	fmt.Println(p.Pid(), info.Name)
	return sleep()
}

// options launch this test binary in a role.
func options(role string) tail.LaunchOptions {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	// A program with the race detector in it sleeps for a second before it exits, unless told otherwise.
	return tail.LaunchOptions{Path: self, Env: []string{roleKey + "=" + role, "GORACE=atexit_sleep_ms=0"}}
}

// launch starts a role as a plugin, which must work.
func launch(t *testing.T, role string) *tail.Process {
	t.Helper()
	p, err := tail.Launch(t.Context(), options(role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
