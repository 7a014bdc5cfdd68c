package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/livetail/livetail/host/internal/config"
	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
)

// doctorOptions are the flags of livetail doctor.
type doctorOptions struct {
	config string
	roots  []string
	json   bool
	header []string
}

func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [FILE|URL]",
		Short: "Say why a log shows what it shows, or nothing, and what to do about it",
		Long: `Doctor examines what stands between a log and its viewers: whether the path may be followed, folders, links, permissions, mounts and file
systems, events of the system and their limits, who writes the file, how it is rotated, and in which encoding it is. For each thing that it finds it says what to do.

FILE is examined as livetail would see it when started by this user with the same settings: give --config or --root as livetail serve gets them, or run it
as the user of the service. Without them, the folder of FILE is taken for a root. URL is that of a log on a running server, such as
http://127.0.0.1:8765/var/log/app.log: the way there is examined, proxies included, and the server is asked about the log. Without either, the roots and the surroundings
are examined.

Exit codes: 0 all is well, or nothing worse than a note; 1 something keeps the log from being followed, or will; 2 a mistake in the command line or the settings.`,
		Args: arguments(0, 1, "name one log at the most, by its URL or its file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			arg := ""
			if len(args) > 0 {
				if arg = args[0]; arg == "" {
					return &exitError{exitUsage, errors.New("no log is named")}
				}
			}
			report, err := o.examine(cmd.Context(), arg)
			if err != nil {
				return err
			}
			if err := o.print(cmd.OutOrStdout(), report); err != nil {
				return fmt.Errorf("write to standard output: %w", err)
			}
			if report.Stops() {
				return &exitError{exitFailed, errSilent}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "YAML file with the settings of livetail serve")
	f.StringArrayVar(&o.roots, "root", nil, "folder or file that livetail serve is given (repeatable)")
	f.StringArrayVar(&o.header, "header", nil, "header for the server, as in 'Authorization: Bearer …' (repeatable); $"+tokenEnv+" is sent as a bearer token")
	f.BoolVar(&o.json, "json", false, "print the findings as one JSON object, as /-/doctor of the server does")
	return cmd
}

// examine asks the server at a URL, or a tailer of our own.
func (o *doctorOptions) examine(ctx context.Context, arg string) (tail.Report, error) {
	if strings.Contains(arg, "://") {
		header, err := headers(o.header)
		if err != nil {
			return tail.Report{}, &exitError{exitUsage, err}
		}
		return examineURL(ctx, arg, header)
	}
	log := ""
	if arg != "" {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return tail.Report{}, &exitError{exitUsage, err}
		}
		log = abs
	}
	cfg, given, err := o.settings(log)
	if err != nil {
		return tail.Report{}, err
	}
	t, err := filetail.New(filetail.Config{Roots: cfg.Roots, Poll: cfg.Poll, NoEvents: cfg.NoEvents, Encodings: cfg.Encodings, Zones: cfg.Zones, OldFolders: cfg.OldFolders,
		Version: buildVersion()})
	if err != nil {
		return tail.Report{}, &exitError{exitUsage, err}
	}
	defer func() { _ = t.Close() }() // It cannot fail.
	report, err := t.Diagnose(ctx, log)
	switch {
	case errors.Is(err, tail.ErrNotAllowed):
		// Whoever runs this knows the roots.
		return tail.Report{Findings: []tail.Finding{{
			ID: "not-allowed", Level: tail.FindingProblem,
			What: fmt.Sprintf("%s may not be followed: it lies below none of the roots %s.", log, strings.Join(cfg.Roots, ", ")),
			Do:   fmt.Sprintf("Name its folder as a root, too: livetail serve %s.", filepath.Dir(log)),
		}}}, nil
	case errors.Is(err, tail.ErrBadRequest):
		return tail.Report{}, &exitError{exitUsage, err}
	case err != nil:
		return tail.Report{}, err
	}
	if !given {
		for i, f := range report.Findings {
			if f.ID == "allowed" {
				report.Findings[i].Level = tail.FindingNote
				report.Findings[i].What = "No roots are given, so its folder is taken for one."
				report.Findings[i].Do = "To see whether your server allows it: --config FILE or --root DIR, or ask the server itself, livetail doctor http://ADDRESS" + log + "."
			}
		}
	}
	return report, nil
}

// settings are those that livetail serve would have. given tells whether they name roots; otherwise those for log alone are made up.
func (o *doctorOptions) settings(log string) (cfg config.Config, given bool, err error) {
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	if o.config != "" {
		if err := fs.Set("config", o.config); err != nil {
			return cfg, false, err
		}
	}
	if err := cfg.Load(fs, o.roots, os.Getenv); err != nil {
		return cfg, false, err
	}
	given = len(cfg.Roots) > 0
	if !given && log != "" {
		cfg.Roots = folders(log)
	}
	return cfg, given, cfg.Validate()
}

// folders are the roots that make a file and its rotated siblings readable: its folder, and that of what it is a link to.
func folders(path string) []string {
	roots := []string{filepath.Dir(path)}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		roots = append(roots, filepath.Dir(target))
	}
	return roots
}

// print writes findings for people or programs.
func (o *doctorOptions) print(w io.Writer, report tail.Report) error {
	if o.json {
		type finding struct {
			ID    string `json:"id"`
			Level string `json:"level"`
			What  string `json:"what"`
			Do    string `json:"do"`
		}
		all := []finding{}
		for _, f := range report.Findings {
			all = append(all, finding{f.ID, f.Level.String(), f.What, f.Do})
		}
		return json.NewEncoder(w).Encode(map[string]any{"findings": all})
	}
	f, isFile := w.(*os.File)
	colors := isFile && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	var b strings.Builder
	counts := map[tail.FindingLevel]int{}
	for _, f := range report.Findings {
		counts[f.Level]++
		mark := fmt.Sprintf("%-7s", f.Level)
		if colors {
			mark = map[tail.FindingLevel]string{tail.FindingOK: "\x1b[32m", tail.FindingNote: "\x1b[33m", tail.FindingProblem: "\x1b[1;31m"}[f.Level] + mark + "\x1b[0m"
		}
		fmt.Fprintf(&b, "%s  %s\n", mark, printable(f.What))
		if f.Do != "" {
			fmt.Fprintf(&b, "         → %s\n", printable(f.Do))
		}
	}
	switch problems, notes := counts[tail.FindingProblem], counts[tail.FindingNote]; {
	case problems == 1:
		b.WriteString("\nOne of these keeps the log from being followed, or will.\n")
	case problems > 1:
		fmt.Fprintf(&b, "\n%d of these keep the log from being followed, or will.\n", problems)
	case notes > 0:
		fmt.Fprintf(&b, "\nNothing keeps the log from being followed; %d worth knowing.\n", notes)
	default:
		b.WriteString("\nAll is well.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable keeps names of files from speaking to the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
