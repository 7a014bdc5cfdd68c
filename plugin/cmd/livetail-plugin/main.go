// The program livetail-plugin is the file tailer of livetail as a plugin of its own, for hosts that load it from a file.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/internal/logging"
	"github.com/livetail/livetail/plugin/tail"
)

// version is set by the linker when a release is built.
var version string

const usage = `livetail-plugin [FLAG …] DIR|FILE …

The file tailer of livetail. livetail starts it:

    livetail serve --plugin ` + "`" + `which livetail-plugin` + "`" + ` DIR|FILE …

DIR: every regular file below it may be read. FILE: it and its rotated siblings may be read.

`

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // what was asked for makes no sense; one sentence says why
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. Nothing may be written to stdout on the way to being served.
func run(args []string, stdout io.Writer, stderr *os.File) int {
	cfg := filetail.Config{Version: buildVersion()}
	flags := pflag.NewFlagSet("livetail-plugin", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.DurationVar(&cfg.Poll, "poll", 0, "how often files are looked at without being told (default 250ms)")
	flags.BoolVar(&cfg.NoEvents, "no-events", false, "do without events of the system, as on network file systems")
	flags.StringArrayVar(&cfg.Encodings, "encoding", nil, "encoding of logs without a byte order mark: NAME or PATTERN=NAME; repeatable (default utf-8)")
	flags.DurationVar(&cfg.Linger, "linger", 0, "how long a rotated file is held open after its last reader (default 1m)")
	flags.IntVar(&cfg.MaxLogs, "max-logs", 0, "how many files may be followed at a time (default 10000)")
	flags.IntVar(&cfg.MaxHeld, "max-held", 0, "how many generations of one log are held open (default 256)")
	flags.Int64Var(&cfg.MaxHeldBytes, "max-held-bytes", 0, "how many bytes of deleted files one log keeps (default 1 GiB)")
	level := flags.String("log-level", "info", "debug, info, warning or error")
	showVersion := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage, "Flags:\n", flags.FlagUsages())
		return 0
	case err != nil:
		return refuse(stderr, err)
	case *showVersion:
		fmt.Fprintln(stdout, "livetail-plugin", cfg.Version)
		return 0
	case flags.NArg() == 0:
		return refuse(stderr, errors.New("this is a plugin that livetail starts, with the folders and files that may be read"))
	case cfg.Poll < 0 || cfg.Linger < 0 || cfg.MaxLogs < 0 || cfg.MaxHeld < 0 || cfg.MaxHeldBytes < 0:
		return refuse(stderr, errors.New("a limit or a time is negative"))
	}
	log, err := logging.New(stderr, *level)
	if err != nil {
		return refuse(stderr, err)
	}
	cfg.Roots = flags.Args()
	t, err := filetail.New(cfg)
	if err != nil {
		return refuse(stderr, err)
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
		return refuse(stderr, errors.New("this is a plugin that livetail starts: livetail serve --plugin FILE DIR|FILE …"))
	}
	if err != nil {
		log.WithError(err).Error("the plugin could not be served")
		return exitFailed
	}
	return 0
}

// refuse says in one sentence why nothing is done.
func refuse(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "livetail-plugin: %v (see --help)\n", err)
	return exitUsage
}

// buildVersion is what the linker or the module system knows.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			return v
		}
	}
	return "devel"
}
