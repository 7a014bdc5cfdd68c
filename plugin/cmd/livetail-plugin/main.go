// The program livetail-plugin is the file tailer of livetail as a plugin of its own, for hosts that load it from a file.
package main

import (
	"errors"
	"os"
	_ "time/tzdata" // For machines and images without it: --time-zone.

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/internal/program"
)

// version is set by the linker when a release is built.
var version string

const usage = `livetail-plugin [FLAG …] DIR|FILE …

The file tailer of livetail. livetail starts it:

    livetail serve --plugin ` + "`" + `which livetail-plugin` + "`" + ` DIR|FILE …

DIR: every regular file below it may be read. FILE: it and its rotated siblings may be read.

`

func main() {
	cfg := filetail.Config{Version: program.Version(version)}
	p := program.Program{
		Name: "livetail-plugin", Usage: usage, Start: "livetail serve --plugin FILE DIR|FILE …",
		Bind: func(flags *pflag.FlagSet) { bind(flags, &cfg) },
		New: func(args []string) (program.Tailer, error) {
			switch {
			case len(args) == 0:
				return nil, errors.New("this is a plugin that livetail starts, with the folders and files that may be read")
			case cfg.Poll < 0 || cfg.Linger < 0 || cfg.MaxLogs < 0 || cfg.MaxHeld < 0 || cfg.MaxHeldBytes < 0:
				return nil, errors.New("a limit or a time is negative")
			}
			cfg.Roots = args
			return filetail.New(cfg)
		},
	}
	os.Exit(p.Run(cfg.Version, os.Args[1:], os.Stdout, os.Stderr))
}

func bind(flags *pflag.FlagSet, cfg *filetail.Config) {
	flags.DurationVar(&cfg.Poll, "poll", 0, "how often files are looked at without being told (default 250ms)")
	flags.BoolVar(&cfg.NoEvents, "no-events", false, "do without events of the system, as on network file systems")
	flags.StringArrayVar(&cfg.Encodings, "encoding", nil, "encoding of logs without a byte order mark: NAME or PATTERN=NAME; repeatable (default utf-8)")
	flags.StringArrayVar(&cfg.Zones, "time-zone", nil, "time zone of lines whose time names none: NAME or PATTERN=NAME; repeatable (default local)")
	flags.StringArrayVar(&cfg.OldFolders, "old-folder", nil, "where rotated files are moved: FOLDER or PATTERN=FOLDER; repeatable (default: they stay beside the log)")
	flags.DurationVar(&cfg.Linger, "linger", 0, "how long a rotated file is held open after its last reader (default 1m)")
	flags.IntVar(&cfg.MaxLogs, "max-logs", 0, "how many files may be followed at a time (default 10000)")
	flags.IntVar(&cfg.MaxHeld, "max-held", 0, "how many generations of one log are held open (default 256)")
	flags.Int64Var(&cfg.MaxHeldBytes, "max-held-bytes", 0, "how many bytes of deleted files one log keeps (default 1 GiB)")
}
