package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a process that is measured, in one of the ways to speak with it.
type server struct {
	name        string
	subprotocol string
	query       string // for all requests
	addr        string
	cmd         *exec.Cmd
}

// start starts the servers over dir.
func (b *bench) start(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	minimal := &server{name: minimalName}
	if err := minimal.launch(ctx, self, "-minimal", dir); err != nil {
		return err
	}
	b.servers = append(b.servers, minimal)
	// A process for each protocol, so that none profits from memory that the other has asked for already.
	for _, s := range []*server{{name: "livetail.v1", subprotocol: "livetail.v1", query: "&format=raw"}, {name: plainName}} {
		if err := s.launch(ctx, b.livetail, "serve", "--log-level", "error", "--listen", "127.0.0.1:0", "--max-sessions", "20000",
			"--max-sessions-per-address", "20000", dir); err != nil {
			return err
		}
		b.servers = append(b.servers, s)
	}
	return nil
}

// launch starts a process and waits until it says where it listens.
func (s *server) launch(ctx context.Context, name string, args ...string) error {
	s.cmd = exec.CommandContext(ctx, name, args...)
	s.cmd.Stderr = os.Stderr
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 15 * time.Second
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			s.stop()
			return fmt.Errorf("%s did not say where it listens: %w", name, err)
		}
		if _, addr, ok := strings.Cut(line, "listening on "); ok {
			s.addr = strings.TrimSpace(addr)
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, r) }() // Ends with the process.
	return nil
}

func (s *server) stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// url returns the URL of a log; lines is how many last lines are wanted.
func (s *server) url(path string, lines int) string {
	return "ws://" + s.addr + path + "?tail=1&lines=" + strconv.Itoa(lines) + s.query
}

// family returns the process and its children, their children included.
func (s *server) family() []int {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		fields, pid := statFields(f)
		if len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	family := []int{s.cmd.Process.Pid}
	for i := 0; i < len(family); i++ {
		for pid, parent := range parents {
			if parent == family[i] {
				family = append(family, pid)
			}
		}
	}
	return family
}

// statFields returns what follows the name of a process in its stat file: state, parent and so on.
func statFields(file string) (fields []string, pid int) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, 0
	}
	at := strings.LastIndexByte(string(text), ')')
	if at < 0 {
		return nil, 0
	}
	pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
	return strings.Fields(string(text[at+1:])), pid
}

// cpu returns the processor time that the process and its children have used.
func (s *server) cpu() time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux.
	total := time.Duration(0)
	for _, pid := range s.family() {
		fields, _ := statFields(fmt.Sprintf("/proc/%d/stat", pid))
		if len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			total += time.Duration(user+system) * tick
		}
	}
	return total
}

// ownCPU returns the processor time that the bench has used: its clients and its writer.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// memory returns the memory of the process and its children in bytes, shared pages divided among those who share them.
func (s *server) memory() int64 {
	total := int64(0)
	for _, pid := range s.family() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				total += kib << 10
			}
		}
	}
	return total
}

// raiseLimits lets this process and the servers open enough files for so many viewers.
func raiseLimits(viewers int) error {
	need := uint64(viewers + 200)
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if l.Max < need {
		l.Max = need // Only those with the privilege may.
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("%d viewers need %d open files, and that cannot be set (%w); raise ulimit -n, or take fewer with -fanout and -idle", viewers, need, err)
	}
	return nil
}
