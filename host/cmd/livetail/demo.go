package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/internal/config"
	"github.com/livetail/livetail/simulator"
)

func newDemo() *cobra.Command {
	var cfg config.Config
	run := simulator.RunOptions{
		Rotate: "lumberjack", MaxBackups: 5, Format: "loguru", Message: "你好aaa",
		Color: true, Levels: true, TraceEvery: 300,
	}
	var maxSize int64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Producer, plugin and front door in one command: prints a URL to open",
		Long: `Demo starts a producer that writes and rotates a log, a plugin that follows it, and a front door that shows it, and prints the URL to open.
The log is in a folder of its own, which is removed at the end. Ctrl-C ends everything.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := load(&cfg, cmd, nil)
			switch {
			case err != nil:
				return err
			case run.Rate < 0:
				return &exitError{exitUsage, fmt.Errorf("--rate: %v is negative", run.Rate)}
			case maxSize < 1:
				return &exitError{exitUsage, fmt.Errorf("--max-size: %d is not at least 1", maxSize)}
			}
			dir, err := os.MkdirTemp("", "livetail-demo-")
			if err != nil {
				return fmt.Errorf("make a folder for the log: %w", err)
			}
			defer os.RemoveAll(dir)
			cfg.Roots = []string{dir}
			run.File = filepath.Join(dir, "demo.log")
			run.MaxSize = maxSize << 10
			run.Warn = func(err error) { log.WithError(err).Warn("the producer") }
			return demo(cmd.Context(), &cfg, run, func(format string, a ...any) { fmt.Fprintf(cmd.OutOrStdout(), format, a...) }, log)
		},
	}
	cfg.Bind(cmd.Flags())
	cmd.Flags().Float64Var(&run.Rate, "rate", 20, "lines per second that the producer writes; 0: as fast as it goes")
	cmd.Flags().Int64Var(&maxSize, "max-size", 256, "size at which the log is rotated, in KiB")
	return cmd
}

// demo runs producer and front door until ctx is cancelled or one of them fails.
func demo(ctx context.Context, cfg *config.Config, run simulator.RunOptions, say func(string, ...any), log *logrus.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	produced := make(chan error, 1)
	go func() { // Ends with ctx; waited for below.
		_, err := simulator.Run(ctx, run)
		if ctx.Err() == nil {
			cancel() // The front door has nothing to show any more.
		} else if errors.Is(err, context.Canceled) {
			err = nil
		}
		produced <- err
	}()
	err := serve(ctx, cfg, log, func(addr, url string) {
		say("livetail %s listening on %s\n", buildVersion(), addr)
		say("open %s\n", url+run.File)
	})
	cancel()
	return errors.Join(err, <-produced)
}
