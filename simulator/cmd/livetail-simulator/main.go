// Command livetail-simulator proves that log followers lose nothing: it writes logs that rotate, and accounts for every line that
// arrives somewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// version is set by the linker when a release is built.
var version string

// Exit codes, which scripts rely on.
const (
	exitOK     = 0
	exitFailed = 1 // run: it could not go on; verify, torture: not every line is accounted for
	exitUsage  = 2 // a mistake in a flag or an argument
	exitSource = 3 // verify, torture: what is to be verified cannot be followed
)

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

// errSilent is the end of a command that has said all there is to say.
var errSilent = errors.New("")

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// sameSignal is the time within which a signal is the one before, sent twice: timeout(1) sends it to the program and to its group.
const sameSignal = 200 * time.Millisecond

// endings are the signals that end the program kindly: SIGHUP, too, which a terminal sends that is closed, but not under nohup.
func endings() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}

// run is main with its surroundings as arguments. The first signal ends the program kindly, a second one at once.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	go func() {
		<-ctx.Done() // At the latest when run returns.
		time.Sleep(sameSignal)
		stop() // From now on a signal has its usual effect.
	}()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(stderr, "livetail-simulator: "+strings.Join(strings.Fields(err.Error()), " "))
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "livetail-simulator",
		Short: "Write logs that rotate, and account for every line that arrives",
		Long: `livetail-simulator writes logs as busy programs do, rotates them as the well-known rotators do, and verifies that whoever follows
them delivers every line once and in order, or says where something is missing.

  livetail-simulator run --sequence --rate 1000 --file logs/app.log
  livetail-simulator verify ws://127.0.0.1:8765/$PWD/logs/app.log
  livetail-simulator verify --count 100000 -- tail -n +1 -F logs/app.log`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Version = programVersion()
	root.SetVersionTemplate("livetail-simulator {{.Version}}\n")
	root.AddCommand(newRun(), newVerify(), newTorture(), newSpeed(), newVersion())
	return root
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("%q is no command or argument here; see %s --help", args[0], c.CommandPath()))
	}
	return nil
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "livetail-simulator "+programVersion())
			return err
		},
	}
}

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// isTerminal reports whether w is one, for people who look on.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newLog returns the program's own log: text on a terminal, JSON otherwise.
func newLog(d *display) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(d)
	if d.terminal {
		log.SetFormatter(&logrus.TextFormatter{ForceColors: true, FullTimestamp: true, TimestampFormat: "15:04:05.000"})
	} else {
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: "2006-01-02T15:04:05.000Z07:00"})
	}
	return log
}
