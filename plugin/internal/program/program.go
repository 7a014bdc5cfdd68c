// Package program is what plugins that are programs of their own have in common: flags, help, the log, being served, and exit codes.
package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/plugin/internal/logging"
	"github.com/livetail/livetail/plugin/tail"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // what was asked for makes no sense; one sentence says why
)

// Program is a plugin that is a program of its own.
type Program struct {
	// Name is that of the executable, Usage the help up to the flags, and Start how livetail starts it.
	Name, Usage, Start string
	// Bind adds the flags of its own.
	Bind func(*pflag.FlagSet)
	// New makes the tailer, once the flags are read. Its error is the mistake of whoever started the program.
	New func(args []string) (Tailer, error)
}

// Tailer is what a program serves, and closes in the end.
type Tailer interface {
	tail.Tailer
	// Warnings says, one sentence each, what is probably not as meant.
	Warnings() []string
	Close() error
}

// Run is the program; it returns the exit code. version is its own, see [Version]. Nothing may be written to stdout on the way to being served.
func (p Program) Run(version string, args []string, stdout io.Writer, stderr *os.File) int {
	flags := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p.Bind(flags)
	level := flags.String("log-level", "info", "debug, info, warning or error")
	showVersion := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, p.Usage, "Flags:\n", flags.FlagUsages())
		return 0
	case err != nil:
		return p.refuse(stderr, err)
	case *showVersion:
		fmt.Fprintln(stdout, p.Name, version)
		return 0
	}
	log, err := logging.New(stderr, *level)
	if err != nil {
		return p.refuse(stderr, err)
	}
	t, err := p.New(flags.Args())
	if err != nil {
		return p.refuse(stderr, err)
	}
	for _, w := range t.Warnings() {
		log.Warn(w)
	}
	err = tail.Serve(t)
	if cerr := t.Close(); err == nil && cerr != nil {
		log.WithError(cerr).Error("the files were not closed well")
		return exitFailed
	}
	if errors.Is(err, tail.ErrNotPlugin) {
		return p.refuse(stderr, errors.New("this is a plugin that livetail starts: "+p.Start))
	}
	if err != nil {
		log.WithError(err).Error("the plugin could not be served")
		return exitFailed
	}
	return 0
}

// refuse says in one sentence why nothing is done.
func (p Program) refuse(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "%s: %v (see --help)\n", p.Name, err)
	return exitUsage
}

// Version is what the linker has set, or else what the module system knows.
func Version(linked string) string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			return v
		}
	}
	return "devel"
}
