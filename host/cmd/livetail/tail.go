package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
)

// tailOptions are the flags of livetail tail.
type tailOptions struct {
	lines            int64
	from, since      string
	noFollow, wait   bool
	include, exclude []string
	json             bool
	color            string
	header           []string
	chosen           bool // a flag says where to begin
}

func newTail() *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail URL|FILE",
		Short: "Follow a log in the terminal, from a server or from a file on this machine",
		Long: `Tail prints the last lines of a log and then every new line as it is written, through every rotation. Where something is missing it says so on
standard error, in its place. A URL is that of a log on a livetail server, such as ws://127.0.0.1:8765/var/log/app.log; when the connection breaks, or the server
is started again, it goes on where it was.

On a terminal, colours of the log are kept and every other control sequence is removed; a pipe or file gets the bytes of the log.

Exit codes: 0 all was delivered; 1 it did not work; 2 a mistake in the command line; 4 the log may not be followed or does not exist;
5 something is missing, and was said to be.`,
		Args: arguments(1, 1, "name one log, by its URL or its file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.chosen = cmd.Flags().Changed("lines") || cmd.Flags().Changed("from") || cmd.Flags().Changed("since")
			events, stop, err := o.events(cmd.Context(), args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer stop()
			p, err := o.printer(cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return p.print(cmd.Context(), events)
		},
	}
	f := cmd.Flags()
	f.Int64VarP(&o.lines, "lines", "n", 10, "how many last lines to begin with")
	f.StringVar(&o.from, "from", "", "position to begin at, as --json prints it")
	f.StringVar(&o.since, "since", "", "begin with the first line of this time (2026-11-23T07:00:00Z) or age (10m)")
	f.StringArrayVar(&o.header, "header", nil, "header for the server, as in 'Authorization: Bearer …' (repeatable); $"+tokenEnv+" is sent as a bearer token")
	f.BoolVar(&o.noFollow, "no-follow", false, "end at the end of the log")
	f.BoolVar(&o.wait, "wait", false, "wait for a log that does not exist yet")
	f.StringArrayVar(&o.include, "include", nil, "only lines that match this regular expression (repeatable: any of them)")
	f.StringArrayVar(&o.exclude, "exclude", nil, "no lines that match this regular expression (repeatable)")
	f.BoolVar(&o.json, "json", false, "print every event as a JSON object on a line, as in livetail.v1")
	f.StringVar(&o.color, "color", "auto", "keep the colours of the log: auto (on a terminal), always, never")
	return cmd
}

// looksLikeAddress matches what would be a URL if it had its beginning: a name and a port before a path.
var looksLikeAddress = regexp.MustCompile(`^[\w.-]+:\d+/`)

// start is where to begin.
func (o *tailOptions) start(now time.Time) (tail.Start, error) {
	switch {
	case o.from != "" && o.since != "":
		return tail.Start{}, &exitError{exitUsage, errors.New("--from and --since exclude each other")}
	case o.from != "":
		p, err := tail.ParsePosition(o.from)
		if err != nil {
			return tail.Start{}, &exitError{exitUsage, fmt.Errorf("--from: %w", err)}
		}
		return tail.StartAtPosition(p), nil
	case o.since != "":
		if d, err := time.ParseDuration(o.since); err == nil && d >= 0 {
			return tail.StartAtTime(now.Add(-d)), nil
		}
		t, err := time.Parse(time.RFC3339Nano, o.since)
		if err != nil {
			return tail.Start{}, &exitError{exitUsage, fmt.Errorf("--since: %q is neither a time like 2026-11-23T07:00:00Z nor an age like 10m", o.since)}
		}
		return tail.StartAtTime(t), nil
	case o.lines < 0:
		return tail.Start{}, &exitError{exitUsage, fmt.Errorf("--lines: %d is negative", o.lines)}
	}
	return tail.StartAtLastLines(o.lines), nil
}

// events follows what arg names. The caller calls stop at the end.
func (o *tailOptions) events(ctx context.Context, arg string, stderr io.Writer) (events iter.Seq2[tail.Event, error], stop func(), err error) {
	start, err := o.start(time.Now())
	if err != nil {
		return nil, nil, err
	}
	filter := tail.Filter{Include: o.include, Exclude: o.exclude}
	if strings.Contains(arg, "://") {
		c, err := o.client(arg, start, filter, stderr)
		if err != nil {
			return nil, nil, &exitError{exitUsage, err}
		}
		return c.Follow(ctx), func() {}, nil
	}
	if arg == "" {
		return nil, nil, &exitError{exitUsage, errors.New("no log is named")}
	}
	path, err := filepath.Abs(arg)
	if err != nil {
		return nil, nil, &exitError{exitUsage, err}
	}
	if _, err := os.Lstat(path); err != nil && looksLikeAddress.MatchString(arg) {
		return nil, nil, &exitError{exitUsage, fmt.Errorf("%q is no file here; a URL begins with http:// or ws://", arg)}
	}
	t, err := filetail.New(filetail.Config{Roots: folders(path), Version: buildVersion()})
	if err != nil {
		return nil, nil, err
	}
	req := tail.FollowRequest{Log: path, Start: start, Follow: !o.noFollow, Wait: o.wait, Filter: filter}
	return t.Follow(ctx, req), func() { _ = t.Close() }, nil
}

// tokenEnv is the environment variable with the token for the server, which is not for other people's eyes as an argument would be.
const tokenEnv = "LIVETAIL_TOKEN"

// attempts is how often in a row a connection is tried by a command that is to end.
const attempts = 5

// client prepares to follow the log at a URL. Where to begin is as the URL says, unless a flag says otherwise.
func (o *tailOptions) client(arg string, start tail.Start, filter tail.Filter, stderr io.Writer) (*client.Client, error) {
	header, err := headers(o.header)
	if err != nil {
		return nil, err
	}
	opts := client.Options{
		Start: start, Once: o.noFollow, Wait: o.wait, Filter: filter, Header: header,
		OnStatus: func(s client.Status) {
			if d, ok := s.(client.Disconnected); ok {
				fmt.Fprintf(stderr, "livetail: the connection broke (%s), next attempt in %s\n", oneLine(d.Err.Error()), d.Retry.Round(time.Millisecond))
			}
		},
	}
	if u, err := url.Parse(arg); err == nil && !o.chosen && (u.Query().Has("lines") || u.Query().Has("from") || u.Query().Has("since")) {
		opts.Start = tail.Start{}
	}
	if o.noFollow {
		opts.Attempts = attempts
	}
	return client.New(arg, opts)
}

// headers are what the server is sent: the token of the environment, and what flags say.
func headers(flags []string) (http.Header, error) {
	out := http.Header{}
	if token := os.Getenv(tokenEnv); token != "" {
		out.Set("Authorization", "Bearer "+token)
	}
	for _, h := range flags {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" || strings.ContainsAny(h, "\r\n") {
			return nil, fmt.Errorf("--header: %q is not of the form 'Name: value'", h)
		}
		out.Set(name, strings.TrimSpace(value))
	}
	return out, nil
}

// printer writes events to a terminal, a pipe or a file.
type printer struct {
	out      *bufio.Writer
	notices  io.Writer // for what is not a line of the log; nil with JSON
	render   func(tail.Event) []byte
	missing  bool // something was declared missing
	terminal bool
}

func (o *tailOptions) printer(stdout, stderr io.Writer) (*printer, error) {
	f, isFile := stdout.(*os.File)
	terminal := isFile && term.IsTerminal(int(f.Fd()))
	colors := terminal && os.Getenv("NO_COLOR") == ""
	switch o.color {
	case "auto":
	case "always", "never":
		colors = o.color == "always"
	default:
		return nil, &exitError{exitUsage, fmt.Errorf("--color: %q is none of auto, always, never", o.color)}
	}
	p := &printer{out: bufio.NewWriterSize(stdout, 64<<10), notices: stderr, terminal: terminal}
	switch {
	case o.json:
		p.notices = nil
		r := wire.NewRenderer(wire.Format{Raw: true})
		p.render = func(e tail.Event) []byte { return append(r.Render(e), '\n') }
	case colors:
		p.render = lines(render.New(render.ANSI).Render)
	case terminal || o.color == "never":
		p.render = lines(render.New(render.Text).Render)
	default:
		p.render = lines(func(e tail.Event) []byte {
			switch e := e.(type) {
			case tail.Lines:
				return e.Text
			case tail.Late:
				return e.Text
			}
			return nil
		})
	}
	return p, nil
}

// lines keeps a renderer to what is text of the log: the rest is said as a notice.
func lines(r func(tail.Event) []byte) func(tail.Event) []byte {
	return func(e tail.Event) []byte {
		switch e.(type) {
		case tail.Lines, tail.Late:
			return r(e)
		}
		return nil
	}
}

// print writes events until they end.
func (p *printer) print(ctx context.Context, events iter.Seq2[tail.Event, error]) error {
	for e, err := range events {
		if err != nil {
			return errors.Join(p.out.Flush(), p.failed(ctx, err))
		}
		if _, err := p.out.Write(p.render(e)); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
		switch e := e.(type) {
		case tail.Gap:
			p.missing = p.missing || e.Certain
			p.notice("%s", render.GapText(e))
		case tail.Late:
			p.notice("the lines above were written late, to a file that had been rotated already")
		}
		// Nobody knows when the next event comes: a server does not say each time that there is no more.
		if err := p.out.Flush(); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
	}
	return p.failed(ctx, nil)
}

// notice says something between the lines.
func (p *printer) notice(format string, a ...any) {
	if p.notices == nil {
		return
	}
	_ = p.out.Flush() // A failure shows again at the next flush.
	fmt.Fprintf(p.notices, "livetail: "+format+"\n", a...)
}

// failed is the end of the command for the end of the sequence.
func (p *printer) failed(ctx context.Context, err error) error {
	switch {
	case err != nil && ctx.Err() == nil:
		if errors.Is(err, tail.ErrNotAllowed) || errors.Is(err, tail.ErrNotFound) || errors.Is(err, tail.ErrNotRegular) ||
			errors.Is(err, tail.ErrUnreadable) {
			return &exitError{exitRefused, err}
		}
		if errors.Is(err, tail.ErrBadRequest) {
			return &exitError{exitUsage, err}
		}
		if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
			return fmt.Errorf("%w: name the file of who signed it in $SSL_CERT_FILE", err)
		}
		if errors.Is(err, client.ErrUnauthorized) {
			return fmt.Errorf("%w: put a token into $%s", err, tokenEnv)
		}
		return err
	case p.missing:
		return &exitError{exitMissing, errSilent}
	}
	return nil
}
