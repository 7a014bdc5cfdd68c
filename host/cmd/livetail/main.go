// Command livetail shows log files live: in a browser, a terminal, or any program that speaks WebSocket. This folder is the one place
// where host, plugin and producer are put together.
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
	_ "time/tzdata" // For machines and images without it: --time-zone.

	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/internal/config"
)

// version is set by the linker when a release is built.
var version string

// Exit codes, which scripts rely on.
const (
	exitOK      = 0
	exitFailed  = 1 // it did not work
	exitUsage   = 2 // a mistake in a flag, an argument or the file of settings
	exitPlugin  = 3 // the plugin cannot be started
	exitRefused = 4 // tail: the log may not be followed, or does not exist
	exitMissing = 5 // tail: something is missing, and was said to be
)

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// sameSignal is the time within which a signal is the one before, sent twice: timeout(1) sends it to the program and to its group.
const sameSignal = 200 * time.Millisecond

// run is main with its surroundings as arguments. The first signal ends the program kindly, a second one at once.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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
		fmt.Fprintln(stderr, "livetail: "+oneLine(err.Error()))
	}
	var exit *exitError
	var setting *config.Error
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &setting):
		return exitUsage
	}
	return exitFailed
}

// errSilent is the end of a command that has said all there is to say.
var errSilent = errors.New("")

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "livetail",
		Short: "Watch log files live, through every rotation, without losing a line",
		Long: `livetail shows log files live, in a browser, a terminal, or any program that speaks WebSocket, at a URL that looks like the file's own path:

    ws://127.0.0.1:8765/var/log/app.log?tail=1

Through every kind of rotation no line is lost, or the stream says exactly where and why.`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("livetail {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{exitUsage, fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(), newTail(), newDoctor(), newDemo(), newToken(), newVersion(), newPlugin())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(0, 0, "it takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "livetail "+buildVersion())
			return err
		},
	}
}

// knownCommand refuses what is no command, and says which one may have been meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = " (did you mean " + strings.Join(near, " or ") + "?)"
	}
	return &exitError{exitUsage, fmt.Errorf("%q is no command%s: see livetail --help", args[0], hint)}
}

// arguments accepts from least to most arguments, and says otherwise what is wanted.
func arguments(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return &exitError{exitUsage, fmt.Errorf("%s: %s: see %s --help", cmd.Name(), want, cmd.CommandPath())}
		}
		return nil
	}
}

// buildVersion is what the linker or the module system knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

// oneLine keeps an error to one line whatever it quotes.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
