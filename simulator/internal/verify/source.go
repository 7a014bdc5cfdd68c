package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/simulator/internal/lines"
)

// Source delivers lines into an account until ctx is cancelled or there are no more. The error is why it could not go on; cancellation is
// none.
type Source func(ctx context.Context, a *Account) error

// Lag makes a source take its lines late, as a slow reader would. The zero value is no lag.
type Lag struct {
	// Pause is how long the source stops once, after After bytes.
	Pause time.Duration
	After int64
	// Rate is how many bytes a second it takes, 0 for as many as come.
	Rate float64
}

// keeper keeps a source to its lag.
type keeper struct {
	Lag
	taken int64
	debt  time.Duration
}

// took tells that n bytes were taken, and waits. It returns false if ctx is cancelled meanwhile.
func (k *keeper) took(ctx context.Context, n int) bool {
	before := k.taken
	k.taken += int64(n)
	wait := time.Duration(0)
	if k.Pause > 0 && before <= k.After && k.taken > k.After {
		wait = k.Pause
	}
	if k.Rate > 0 {
		// Short waits add up until they are worth sleeping.
		k.debt += time.Duration(float64(n) / k.Rate * float64(time.Second))
		if k.debt > 5*time.Millisecond {
			wait += k.debt
			k.debt = 0
		}
	}
	if wait == 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Livetail follows a URL over livetail.v1.
func Livetail(url string, o client.Options, lag Lag) Source {
	return func(ctx context.Context, a *Account) error {
		k := keeper{Lag: lag}
		s := splitter{a: a}
		for e, err := range client.Follow(ctx, url, o) {
			if err != nil {
				return unlessCancelled(ctx, err)
			}
			n := 0
			switch e := e.(type) {
			case tail.Lines:
				n = len(e.Text)
				s.lines(e, false)
			case tail.Late:
				n = len(e.Text)
				s.lines(e.Lines, true)
			case tail.Gap:
				s.end()
				a.Gap(e.Cause.String(), e.Lines, e.Certain)
			case tail.Boundary, tail.Truncated:
				s.end()
			}
			if !k.took(ctx, n) {
				return nil
			}
		}
		s.end()
		return nil
	}
}

// Plain follows a URL over the plain protocol.
func Plain(url string, o client.Options, lag Lag) Source {
	return func(ctx context.Context, a *Account) error {
		return chunks(ctx, client.FollowPlain(ctx, url, o), &splitter{a: a, html: true, notices: true}, lag)
	}
}

// Text follows a URL as curl does.
func Text(url string, o client.Options, lag Lag) Source {
	return func(ctx context.Context, a *Account) error {
		return chunks(ctx, client.FollowText(ctx, url, o), &splitter{a: a, notices: true}, lag)
	}
}

func chunks(ctx context.Context, seq iter.Seq2[[]byte, error], s *splitter, lag Lag) error {
	k := keeper{Lag: lag}
	for b, err := range seq {
		if err != nil {
			return unlessCancelled(ctx, err)
		}
		s.write(b)
		if !k.took(ctx, len(b)) {
			return nil
		}
	}
	s.end()
	return nil
}

// unlessCancelled returns err, unless it comes from the end that was asked for.
func unlessCancelled(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// Command reads the standard output of a command, in the encoding of that name, and terminates the command at the end. Its standard error
// goes to stderr.
func Command(args []string, stderr io.Writer, encoding string, lag Lag) Source {
	return func(ctx context.Context, a *Account) error {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stderr = stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
		cmd.WaitDelay = 2 * time.Second
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		text, err := lines.Decode(encoding, out)
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		readErr := read(ctx, text, &splitter{a: a}, lag)
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return unlessCancelled(ctx, readErr)
	}
}

// File reads a file, or a pipe that has a name, to its end, in the encoding of that name.
func File(path, encoding string) Source {
	return func(ctx context.Context, a *Account) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		// A pipe in which nothing comes is left at the end; other files have no deadlines and need none.
		defer context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Now()) })()
		text, err := lines.Decode(encoding, f)
		if err != nil {
			return err
		}
		return read(ctx, text, &splitter{a: a}, Lag{})
	}
}

func read(ctx context.Context, r io.Reader, s *splitter, lag Lag) error {
	k := keeper{Lag: lag}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		s.write(buf[:n])
		if err == nil && k.took(ctx, n) && ctx.Err() == nil {
			continue
		}
		s.end()
		return unlessCancelled(ctx, unlessEnd(err))
	}
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// splitter cuts what arrives into lines.
type splitter struct {
	a *Account
	// html: the text is HTML. notices: gaps are announced on lines of their own.
	html, notices bool

	part  []byte // the line that is not complete yet; no more of it than its last [lines.MaxLine] bytes
	strip []byte
}

// lines takes an event's lines.
func (s *splitter) lines(l tail.Lines, late bool) {
	now := time.Now()
	if l.Piece == tail.PieceNone && len(s.part) == 0 {
		s.a.Lines(l.Text, now, late)
		return
	}
	s.keep(l.Text)
	if l.Piece == tail.PieceNone || l.Piece == tail.PieceLast {
		s.flush(now, late)
	}
}

// keep appends to the line that is not complete yet. Of one that is too long, the end is kept, where the mark is.
func (s *splitter) keep(b []byte) {
	if len(s.part)+len(b) > lines.MaxLine {
		s.part = s.part[:0]
		b = b[max(len(b)-lines.MaxLine, 0):]
	}
	s.part = append(s.part, b...)
}

func (s *splitter) flush(now time.Time, late bool) {
	if len(s.part) > 0 {
		s.a.Lines(s.part, now, late)
		s.part = s.part[:0]
	}
}

// write takes a chunk that ends anywhere.
func (s *splitter) write(b []byte) {
	now := time.Now()
	if s.html || s.notices {
		s.writeRendered(b, now)
		return
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 && len(s.part) > 0 {
		s.keep(b[:i+1])
		s.flush(now, false)
		b = b[i+1:]
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		s.a.Lines(b[:i+1], now, false)
		b = b[i+1:]
	}
	if len(b) > 0 {
		s.keep(b)
	}
}

func (s *splitter) writeRendered(b []byte, now time.Time) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.keep(b)
			return
		}
		line := b[:i]
		if len(s.part) > 0 {
			s.keep(line)
			line = s.part
		}
		s.rendered(line, now)
		s.part = s.part[:0]
		b = b[i+1:]
	}
}

func (s *splitter) rendered(line []byte, now time.Time) {
	if s.html {
		s.strip = lines.StripHTML(s.strip[:0], line)
		line = s.strip
	}
	if s.notices && bytes.HasPrefix(line, noticeHead) {
		if m := notice.FindSubmatch(line); m != nil {
			var number *int64
			if n := noticeLines.FindSubmatch(m[3]); n != nil {
				if v, err := strconv.ParseInt(string(n[1]), 10, 64); err == nil {
					number = &v
				}
			}
			s.a.Gap(string(m[2]), number, string(m[1]) == "are")
			return
		}
	}
	s.a.Line(line, now, false)
}

// These read the notices of the front door.
var (
	noticeHead  = []byte("Lines ")
	notice      = regexp.MustCompile(`^Lines (are|may be) missing here: (.*) \(([^()]*)\)$`)
	noticeLines = regexp.MustCompile(`(?:^|, )([0-9]+) lines?\b`)
)

// end takes what is left as a line.
func (s *splitter) end() {
	if s.html || s.notices {
		if len(s.part) > 0 {
			s.rendered(s.part, time.Now())
			s.part = s.part[:0]
		}
		return
	}
	s.flush(time.Now(), false)
}
