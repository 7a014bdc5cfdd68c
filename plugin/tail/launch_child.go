package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-plugin/runner"
)

// child is the process of a plugin, started so that it cannot outlive the host and cannot leave anything behind. It stands in for
// go-plugin's own runner, which gives no notice of the exit and does not reach the children of the plugin.
type child struct {
	cmd            *exec.Cmd
	stdout, stderr io.ReadCloser
	exited         chan struct{} // closed when the process has been waited for, or could not be started
	err            error         // why it ended; read after exited

	mu     sync.Mutex // guards the rest
	pid    int        // 0 before the start and after the end
	id     int        // the pid, also after the end
	killed bool       // before the start: do not start
}

var _ runner.Runner = (*child)(nil)

func newChild(cmd *exec.Cmd) (*child, error) {
	c := &child{cmd: cmd, exited: make(chan struct{})}
	var err error
	if c.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if c.stderr, err = cmd.StderrPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	cmd.SysProcAttr = childAttributes()
	return c, nil
}

// Start starts the process on a thread of its own that stays until the process ends, because the kernel's promise to kill the child
// with its parent goes by the thread that started it.
func (c *child) Start(context.Context) error {
	started := make(chan error, 1)
	go func() { // Ends with the process.
		defer close(c.exited)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := c.begin(); err != nil {
			started <- err
			return
		}
		started <- nil
		// Not cmd.Wait, which closes the pipes: their readers may not be at the end yet.
		state, err := c.cmd.Process.Wait()
		if err == nil && !state.Success() {
			err = errors.New(state.String())
		}
		c.err = err
		c.kill() // The plugin's own children hold its pipes open.
		c.mu.Lock()
		c.pid = 0 // The number may be given to another process from now on.
		c.mu.Unlock()
	}()
	return <-started
}

func (c *child) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return errors.New("killed before it started")
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.pid = c.cmd.Process.Pid
	c.id = c.pid
	return nil
}

func (c *child) Wait(context.Context) error {
	<-c.exited
	return c.err
}

func (c *child) Kill(context.Context) error {
	c.kill()
	return nil
}

// kill kills the process and all that it started; a process that has ended already is no error.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	if c.pid > 0 {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
}

// processID is 0 before the start.
func (c *child) processID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

func (c *child) Diagnose(context.Context) string { return "" }
func (c *child) Stdout() io.ReadCloser           { return c.stdout }
func (c *child) Stderr() io.ReadCloser           { return c.stderr }
func (c *child) Name() string                    { return c.cmd.Path }

func (c *child) ID() string {
	id := c.processID()
	if id == 0 {
		return ""
	}
	return strconv.Itoa(id)
}

func (c *child) PluginToHost(network, addr string) (string, string, error) { return network, addr, nil }
func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }

// stderrTee passes on what the plugin writes and remembers the end of it for error messages.
type stderrTee struct {
	mu   sync.Mutex // guards both, and makes the writes of several sources one after the other
	out  io.Writer
	last []byte
}

// lastWords is how much of the plugin's output an error message quotes, in bytes.
const lastWords = 512

func (t *stderrTee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if extra := len(t.last) - lastWords; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	if t.out != nil {
		_, _ = t.out.Write(p) // A full disk of the host's log must not stop the plugin.
	}
	return len(p), nil
}

func (t *stderrTee) tail() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(bytes.TrimSpace(t.last)), "?")
}
