package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/verify"
)

// Protocols by which a URL can be followed.
const (
	protocolV1    = "livetail"
	protocolPlain = "plain"
	protocolText  = "text"
)

// target is what is verified, as the flags describe it.
type target struct {
	protocol string
	encoding string
	header   []string
	lag      verify.Lag
	lagRate  size
	lagAfter size
	display  *display
}

func (t *target) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.protocol, "protocol", protocolV1, "how a URL is followed: livetail (WebSocket with positions), plain (WebSocket) or text (as curl does)")
	f.StringVar(&t.encoding, "encoding", "utf-8", "encoding of what a command prints, or of a file: "+strings.Join(simulator.Encodings(), ", "))
	f.StringArrayVar(&t.header, "header", nil, "header for the server, as in 'Authorization: Bearer …'")
}

// source returns what the argument names: a URL, a command after --, or a file.
func (t *target) source(c *cobra.Command, args []string) (verify.Source, error) {
	t.lag.Rate, t.lag.After = float64(t.lagRate), int64(t.lagAfter)
	if err := t.checkEncoding(); err != nil {
		return nil, err
	}
	if dash := c.ArgsLenAtDash(); dash >= 0 {
		if dash > 0 || len(args) == 0 {
			return nil, errors.New("after -- there must be a command, and before it no argument")
		}
		return verify.Command(args, t.display.forCommand(), t.encoding, t.lag), nil
	}
	if len(args) != 1 {
		return nil, errors.New("say one URL, one file, - for standard input, or -- and a command")
	}
	if args[0] == "-" {
		return verify.File("/dev/stdin", t.encoding), nil
	}
	if !strings.Contains(args[0], "://") {
		if info, err := os.Stat(args[0]); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no URL (ws://HOST:PORT/PATH) and no file", args[0])
		}
		return verify.File(args[0], t.encoding), nil
	}
	return t.follow(args[0], client.Options{})
}

func (t *target) checkEncoding() error {
	if !slices.Contains(simulator.Encodings(), t.encoding) {
		return fmt.Errorf("encoding %q is unknown; use one of %s", t.encoding, strings.Join(simulator.Encodings(), ", "))
	}
	return nil
}

// follow returns the source for a URL.
func (t *target) follow(raw string, o client.Options) (verify.Source, error) {
	o.Header = http.Header{}
	for _, h := range t.header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, fmt.Errorf("header %q has no colon", name)
		}
		o.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if _, err := client.New(raw, o); err != nil {
		return nil, err
	}
	switch t.protocol {
	case protocolV1:
		return verify.Livetail(raw, o, t.lag), nil
	case protocolPlain:
		return verify.Plain(raw, o, t.lag), nil
	case protocolText:
		return verify.Text(raw, o, t.lag), nil
	default:
		return nil, fmt.Errorf("protocol %q is unknown; use livetail, plain or text", t.protocol)
	}
}

func newVerify() *cobra.Command {
	var t target
	var o verify.Options
	var fromFirst, asJSON bool
	var metrics string
	c := &cobra.Command{
		Use:   "verify URL|FILE|- | verify -- COMMAND [ARG …]",
		Short: "Follow a log and account for every line",
		Long: `verify follows a log that "run --sequence" writes, and accounts for every line: delivered, declared missing, lost, doubled, reordered or
corrupted. It follows a URL of livetail's front door, reads the standard output of a command, or reads a file to its end; - is its own
standard input.

It ends after --count lines, after --timeout, after --idle without a line, at the end of its source, or with SIGINT. Then it prints a report, and
its exit code is
  0  written = delivered + declared missing, each line once, in order and intact
  1  something is lost, doubled, reordered or corrupted, something was declared missing that was not, or fewer than --count lines came
  2  the command line makes no sense
  3  the log cannot be followed

Lines are counted from the first one that arrives; --from-first also misses those before it, and --count those after the last. A line that
arrives corrupted counts as lost, too. With the plain protocol and text, the front door's notices count as declarations; a command declares
nothing. Lines without a number are those of other programs, or what is left of torn ones; they are counted and do no harm.`,
		Example: `  livetail-simulator verify --count 100000 ws://127.0.0.1:8765/var/log/app.log
  livetail-simulator verify --protocol plain --timeout 1m ws://127.0.0.1:8765/var/log/app.log
  livetail-simulator verify --from-first --idle 5s -- tail -n +1 -F /var/log/app.log
  zcat -f app.log.2.gz app.log.1 app.log | livetail-simulator verify -`,
		RunE: func(c *cobra.Command, args []string) error {
			t.display = newDisplay(c.ErrOrStderr())
			source, err := t.source(c, args)
			if err == nil && (o.Count < 0 || o.Timeout < 0 || o.Idle < 0 || t.lag.Pause < 0) {
				err = errors.New("count, timeout, idle and pause must not be negative")
			}
			if err != nil {
				return usage(err)
			}
			account := verify.NewAccount(fromFirst)
			stop, err := serveMetrics(metrics, func() []sample { return verifySamples(account.Report()) })
			if err != nil {
				return err
			}
			defer stop()
			return verifyOne(c, t.display, source, account, o, asJSON)
		},
	}
	t.flags(c)
	f := c.Flags()
	f.Int64Var(&o.Count, "count", 0, "end when so many lines are accounted for, 0 for never")
	f.DurationVar(&o.Timeout, "timeout", 0, "end after so long, 0 for never")
	f.DurationVar(&o.Idle, "idle", 0, "end when no line came for so long, 0 for never")
	f.BoolVar(&fromFirst, "from-first", false, "lines before the first one that arrives are missing, down to number 1")
	f.DurationVar(&t.lag.Pause, "pause", 0, "stop reading once for so long, like a reader that hangs")
	f.Var(&t.lagAfter, "pause-after", "with --pause: after so many bytes")
	f.Var(&t.lagRate, "read-rate", "read at most so many bytes a second, like a slow reader, 0 for all that come")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	f.StringVar(&metrics, "metrics", "", "serve metrics for Prometheus at this address, as in 127.0.0.1:9465")
	return c
}

func verifyOne(c *cobra.Command, d *display, source verify.Source, a *verify.Account, o verify.Options, asJSON bool) error {
	stdout, log := c.OutOrStdout(), newLog(d)
	if d.terminal {
		o.ProgressEvery = time.Second
		o.Progress = func(r verify.Report) {
			d.show(fmt.Sprintf("%s delivered, %s declared, %s lost, %s doubled, %s reordered, %s corrupted",
				count(r.Delivered), count(r.Declared), count(r.Lost), count(r.Doubled), count(r.Reordered), count(r.Corrupted)))
		}
	} else {
		o.ProgressEvery = 10 * time.Second
		o.Progress = func(r verify.Report) {
			log.WithFields(logrus.Fields{"delivered": r.Delivered, "declared": r.Declared, "lost": r.Lost, "doubled": r.Doubled}).Info("verifying")
		}
	}
	err := verify.Run(c.Context(), source, a, o)
	d.clear()
	short := errors.Is(err, verify.ErrTimeout) || errors.Is(err, verify.ErrShort)
	r := a.Report()
	if err != nil && !short && r.Written == 0 {
		return &exitError{exitSource, err}
	}
	r.Wanted = o.Count
	r.OK = r.OK && r.Written >= o.Count
	if printErr := printReport(stdout, r, asJSON); printErr != nil {
		return printErr
	}
	switch {
	case short:
		return err
	case err != nil:
		return &exitError{exitSource, err}
	case r.Written == 0:
		return errors.New("no numbered line came; is the log written by run --sequence?")
	case !r.OK:
		return errSilent
	}
	return nil
}

func printReport(w io.Writer, r verify.Report, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, r.String())
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// logURL returns the URL of a file below a front door.
func logURL(prefix, path string) (string, error) {
	u, err := url.Parse(prefix)
	if err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + absolute
	return u.String(), nil
}
