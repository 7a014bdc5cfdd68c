// The program livetail-docker shows the logs of containers, where Docker's default driver keeps them, as a plugin of livetail.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/plugin/dockerlogs"
	"github.com/livetail/livetail/plugin/internal/logging"
	"github.com/livetail/livetail/plugin/tail"
)

// version is set by the linker when a release is built.
var version string

const usage = `livetail-docker [FLAG …] [DIR]

The logs of Docker's containers (log driver json-file, which is the default). livetail starts it:

    livetail serve --plugin /docker=` + "`" + `which livetail-docker` + "`" + ` DIR|FILE …

The log of the container web is /docker/web then. DIR is the folder of containers, by default ` + dockerlogs.DefaultDir + `; it can be read by root alone
unless its permissions are changed.

`

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // what was asked for makes no sense; one sentence says why
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. Nothing may be written to stdout on the way to being served.
func run(args []string, stdout io.Writer, stderr *os.File) int {
	cfg := dockerlogs.Config{Version: buildVersion()}
	flags := pflag.NewFlagSet("livetail-docker", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.DurationVar(&cfg.Poll, "poll", 0, "how often files are looked at without being told (default 250ms)")
	flags.BoolVar(&cfg.NoEvents, "no-events", false, "do without events of the system")
	flags.DurationVar(&cfg.Names, "names", 0, "how often it is looked whether containers were made anew (default 1s)")
	level := flags.String("log-level", "info", "debug, info, warning or error")
	showVersion := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage, "Flags:\n", flags.FlagUsages())
		return 0
	case err != nil:
		return refuse(stderr, err)
	case *showVersion:
		fmt.Fprintln(stdout, "livetail-docker", cfg.Version)
		return 0
	case flags.NArg() > 1:
		return refuse(stderr, errors.New("one folder of containers is possible"))
	case cfg.Poll < 0 || cfg.Names < 0:
		return refuse(stderr, errors.New("a time is negative"))
	}
	log, err := logging.New(stderr, *level)
	if err != nil {
		return refuse(stderr, err)
	}
	cfg.Dir = flags.Arg(0)
	t, err := dockerlogs.New(cfg)
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
		return refuse(stderr, errors.New("this is a plugin that livetail starts: livetail serve --plugin /docker=FILE DIR|FILE …"))
	}
	if err != nil {
		log.WithError(err).Error("the plugin could not be served")
		return exitFailed
	}
	return 0
}

// refuse says in one sentence why nothing is done.
func refuse(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "livetail-docker: %v (see --help)\n", err)
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
