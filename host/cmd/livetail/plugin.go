package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/internal/config"
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
	return cmd
}

// pluginOptions says how the plugin is started: another executable if the settings name one, otherwise this very program.
func pluginOptions(cfg *config.Config) (*tail.LaunchOptions, error) {
	if cfg.Plugin != "" {
		return &tail.LaunchOptions{
			Path: cfg.Plugin, Args: append(slices.Clip(cfg.PluginArgs), cfg.Roots...),
			SHA256: cfg.PluginSHA256, Env: pluginEnv(),
		}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	args := append([]string{"plugin", "--poll", cfg.Poll.String(), "--"}, cfg.Roots...)
	return &tail.LaunchOptions{Path: self, Args: args, Env: pluginEnv()}, nil
}

// pluginEnv is what the plugin gets to know of the host's environment: nothing but the time zone.
func pluginEnv() []string {
	if tz, ok := os.LookupEnv("TZ"); ok {
		return []string{"TZ=" + tz}
	}
	return nil
}
