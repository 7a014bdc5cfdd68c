package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
The log is in a folder of its own, which is removed at the end. Ctrl-C ends everything.

The flags of livetail serve work here, too; livetail serve --help lists them.`,
		Args: arguments(0, 0, "it takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := load(&cfg, cmd, nil)
			if err != nil {
				return err
			}
			if maxSize < 1 || maxSize > math.MaxInt64>>10 {
				return &exitError{exitUsage, fmt.Errorf("--max-size: %d KiB is no size at which a log can be rotated", maxSize)}
			}
			run.MaxSize = maxSize << 10
			if err := run.Check(); err != nil {
				return &exitError{exitUsage, err}
			}
			dir, err := os.MkdirTemp("", "livetail-demo-")
			if err != nil {
				return fmt.Errorf("make a folder for the log: %w", err)
			}
			defer os.RemoveAll(dir)
			cfg.Roots = []string{dir}
			run.File = filepath.Join(dir, "demo.log")
			run.Warn = func(err error) { log.WithError(err).Warn("the producer") }
			return demo(cmd.Context(), &cfg, run, func(format string, a ...any) { fmt.Fprintf(cmd.OutOrStdout(), format, a...) }, log)
		},
	}
	cfg.Bind(cmd.Flags())
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Name != "listen" }) // Fifty others would hide the two that are its own.
	cmd.Flags().Float64Var(&run.Rate, "rate", 20, "lines per second that the producer writes; 0: as fast as it goes")
	cmd.Flags().Int64Var(&maxSize, "max-size", 256, "size at which the log is rotated, in KiB")
	return cmd
}

// demo runs producer and front door until ctx is cancelled, the terminal is closed, or one of them fails.
func demo(ctx context.Context, cfg *config.Config, run simulator.RunOptions, say func(string, ...any), log *logrus.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !signal.Ignored(syscall.SIGHUP) { // As it is under nohup.
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer stop()
	}
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
	err := serve(ctx, cfg, log, nil, func(addr, url string) {
		say("livetail %s listening on %s\n", buildVersion(), addr)
		say("open %s\n", url+run.File)
	})
	cancel()
	return errors.Join(err, <-produced)
}
