// The program livetail-docker shows the logs of containers, where Docker's default driver keeps them, as a plugin of livetail.
package main

import (
	"errors"
	"os"

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/plugin/dockerlogs"
	"github.com/livetail/livetail/plugin/internal/program"
)

// version is set by the linker when a release is built.
var version string

const usage = `livetail-docker [FLAG …] [DIR]

The logs of Docker's containers (log driver json-file, which is the default). livetail starts it:

    livetail serve --plugin /docker=` + "`" + `which livetail-docker` + "`" + ` DIR|FILE …

The log of the container web is /docker/web then. DIR is the folder of containers, by default ` + dockerlogs.DefaultDir + `; it can be read by root alone
unless its permissions are changed.

`

func main() {
	cfg := dockerlogs.Config{Version: program.Version(version)}
	p := program.Program{
		Name: "livetail-docker", Usage: usage, Start: "livetail serve --plugin /docker=FILE DIR|FILE …",
		Bind: func(flags *pflag.FlagSet) {
			flags.DurationVar(&cfg.Poll, "poll", 0, "how often files are looked at without being told (default 250ms)")
			flags.BoolVar(&cfg.NoEvents, "no-events", false, "do without events of the system")
			flags.DurationVar(&cfg.Names, "names", 0, "how often it is looked whether containers were made anew (default 1s)")
		},
		New: func(args []string) (program.Tailer, error) {
			switch {
			case len(args) > 1:
				return nil, errors.New("one folder of containers is possible")
			case cfg.Poll < 0 || cfg.Names < 0:
				return nil, errors.New("a time is negative")
			case len(args) == 1:
				cfg.Dir = args[0]
			}
			return dockerlogs.New(cfg)
		},
	}
	os.Exit(p.Run(cfg.Version, os.Args[1:], os.Stdout, os.Stderr))
}
