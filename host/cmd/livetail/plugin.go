package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host"
	"github.com/livetail/livetail/host/internal/config"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
)

// newPlugin is the command by which this program starts itself as its own plugin process.
func newPlugin() *cobra.Command {
	var cfg filetail.Config
	cmd := &cobra.Command{
		Use:    "plugin DIR|FILE …",
		Short:  "Be the plugin process; livetail starts it itself",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg.Roots = args
			cfg.Version = buildVersion()
			t, err := filetail.New(cfg)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			err = tail.Serve(t)
			if errors.Is(err, tail.ErrNotPlugin) {
				err = &exitError{exitUsage, errors.New("this command is for livetail itself: use livetail serve")}
			}
			return errors.Join(err, t.Close())
		},
	}
	cmd.Flags().DurationVar(&cfg.Poll, "poll", 250*time.Millisecond, "how often files are looked at")
	cmd.Flags().BoolVar(&cfg.NoEvents, "no-events", false, "do without events of the system")
	cmd.Flags().StringArrayVar(&cfg.Encodings, "encoding", nil, "encoding of logs")
	cmd.Flags().StringArrayVar(&cfg.Zones, "time-zone", nil, "time zone of lines that name none")
	cmd.Flags().StringArrayVar(&cfg.OldFolders, "old-folder", nil, "where rotated files are moved")
	return cmd
}

// pluginOptions says how plugins are started: the one at the top, which is this very program unless the settings name another executable, and
// those that are mounted below it.
func pluginOptions(cfg *config.Config) (top *tail.LaunchOptions, mounts []host.Mount, err error) {
	for _, m := range cfg.Mounts {
		opts := &tail.LaunchOptions{Path: m.Path, Args: m.Args, SHA256: m.SHA256, Env: pluginEnv()}
		switch {
		case m.Prefix != mount.Root:
			mounts = append(mounts, host.Mount{Prefix: m.Prefix, Plugin: opts})
			continue
		case m.Path != "" && ownSetting(cfg) != "":
			return nil, nil, &config.Error{Setting: ownSetting(cfg), Problem: "is for livetail's own plugin; tell another one by plugin-arg"}
		case m.Path != "":
			opts.Args = append(slices.Clip(m.Args), cfg.Roots...)
		default:
			if opts.Path, err = os.Executable(); err != nil {
				return nil, nil, fmt.Errorf("find this program's own file: %w", err)
			}
			if err := filetail.CheckEncodings(cfg.Encodings); err != nil {
				return nil, nil, &config.Error{Setting: "encoding", Problem: err.Error()}
			}
			if err := filetail.CheckZones(cfg.Zones); err != nil {
				return nil, nil, &config.Error{Setting: "time-zone", Problem: err.Error()}
			}
			if err := filetail.CheckOldFolders(cfg.OldFolders); err != nil {
				return nil, nil, &config.Error{Setting: "old-folder", Problem: err.Error()}
			}
			opts.Args = ownArgs(cfg)
		}
		top = opts
	}
	return top, mounts, nil
}

// zoneNames names the zones of logs as livetail's own plugin reads their times; nil if another one does.
func zoneNames(cfg *config.Config) (func(log string) string, error) {
	for _, m := range cfg.Mounts {
		if m.Prefix == mount.Root && m.Path != "" {
			return nil, nil
		}
	}
	names, err := filetail.ZoneNames(cfg.Zones)
	if err != nil {
		return nil, &config.Error{Setting: "time-zone", Problem: err.Error()}
	}
	return names, nil
}

// ownSetting is the name of a setting that is there and that only livetail's own plugin knows.
func ownSetting(cfg *config.Config) string {
	switch {
	case cfg.NoEvents:
		return "no-events"
	case len(cfg.Encodings) > 0:
		return "encoding"
	case len(cfg.Zones) > 0:
		return "time-zone"
	case len(cfg.OldFolders) > 0:
		return "old-folder"
	}
	return ""
}

// ownArgs are the arguments by which this program becomes its own plugin.
func ownArgs(cfg *config.Config) []string {
	args := []string{"plugin", "--poll", cfg.Poll.String()}
	if cfg.NoEvents {
		args = append(args, "--no-events")
	}
	for _, e := range cfg.Encodings {
		args = append(args, "--encoding", e)
	}
	for _, z := range cfg.Zones {
		args = append(args, "--time-zone", z)
	}
	for _, f := range cfg.OldFolders {
		args = append(args, "--old-folder", f)
	}
	return append(append(args, "--"), cfg.Roots...)
}

// pluginEnv is what the plugin gets to know of the host's environment: nothing but the time zone.
func pluginEnv() []string {
	if tz, ok := os.LookupEnv("TZ"); ok {
		return []string{"TZ=" + tz}
	}
	return nil
}
