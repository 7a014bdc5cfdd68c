package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host"
	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/config"
	"github.com/livetail/livetail/host/internal/heap"
	"github.com/livetail/livetail/host/internal/logging"
)

func newServe() *cobra.Command {
	var cfg config.Config
	cmd := &cobra.Command{
		Use:   "serve [DIR|FILE …]",
		Short: "Serve the logs below these folders to viewers (default: " + config.DefaultRoot + ")",
		Long: `Serve opens a front door for the logs below the given folders, or for the given files: for browsers at http://ADDRESS/, for programs at
ws://ADDRESS/absolute/path/of.log?tail=1, for curl at the same URL with http.

Every flag can also be set in the environment (LIVETAIL_HEARTBEAT_TIMEOUT=5s) and in the YAML file that --config names (heartbeat-timeout: 5s).
Name folders rather than files where you can: rotated files are found beside the live one either way, but a file that is mounted alone into a
container is cut off from its successors.

A hang-up signal (SIGHUP) starts the plugins anew, also from executables that were replaced, while every viewer stays connected.

Further plugins show other logs below a prefix, such as those of containers:

    livetail serve --plugin /docker=/usr/bin/livetail-docker /var/log

Exit codes: 0 ended by a signal; 1 it could not go on; 2 a mistake in the command line, the environment or the file of settings; 3 a plugin cannot be started.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := load(&cfg, cmd, args)
			if err != nil {
				return err
			}
			for _, r := range cfg.MissingRoots() {
				log.WithField("root", r).Warn("this root does not exist yet; its logs can be followed once it does")
			}
			return serve(cmd.Context(), &cfg, log, swapOnHangup, func(addr, url string) {
				fmt.Fprintf(cmd.OutOrStdout(), "open %s/\nlivetail %s listening on %s\n", url, buildVersion(), addr)
			})
		},
	}
	cfg.Bind(cmd.Flags())
	return cmd
}

// load completes cfg from everywhere it can come from, and makes our own log.
func load(cfg *config.Config, cmd *cobra.Command, args []string) (*logrus.Logger, error) {
	if err := cfg.Load(cmd.Flags(), args, os.Getenv); err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log, err := logging.New(cmd.ErrOrStderr(), cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	for _, name := range config.Unknown(cmd.Flags(), os.Environ()) {
		log.WithField("variable", name).Warn("this environment variable looks like a setting, but is none; livetail serve --help lists them")
	}
	return log, nil
}

// serve runs the front door until ctx is cancelled, then says good-bye to all viewers. Once viewers can come, announce is told the address and
// the URL, which has no slash at its end. What onHangup does, if it is not nil, ends with its context.
func serve(ctx context.Context, cfg *config.Config, log *logrus.Logger, onHangup func(context.Context, *host.Host, *logrus.Logger), announce func(addr, url string)) error {
	defer heap.Relax()()
	plugin, mounts, err := pluginOptions(cfg)
	if err != nil {
		return err
	}
	zone, err := zoneNames(cfg)
	if err != nil {
		return err
	}
	spans, flush, err := traced(ctx, cfg, log)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer flush()
	h, err := host.New(host.Config{
		Plugin: plugin, Mounts: mounts, Lines: orNone(cfg.Lines), LokiBacklog: orNone(cfg.LokiBacklog), Heartbeat: cfg.Heartbeat, HeartbeatTimeout: cfg.HeartbeatTimeout, ShutdownTimeout: cfg.ShutdownTimeout,
		AllowedHosts: allowedHosts(cfg), AllowedOrigins: cfg.AllowedOrigins, BasePath: cfg.BasePath, TrustedProxies: cfg.TrustedProxies,
		TokenFile: cfg.TokenFile, MaxSessions: cfg.MaxSessions, MaxSessionsPerAddress: cfg.MaxSessionsPerAddress,
		PluginHealthy: cfg.PluginHealthy, PluginFailures: cfg.PluginFailures,
		Operators: cfg.Operators, Limits: limitsOf(cfg),
		Profiles: config.IsLoopbackAddress(cfg.Ops), Version: buildVersion(), Log: log, Traces: spans, Zone: zone, TraceURL: cfg.TraceURL,
	})
	if err != nil {
		return &exitError{exitUsage, named(err)}
	}
	var secure *access.TLS
	if cfg.TLSCert != "" {
		secure, err = access.NewTLS(access.TLSOptions{
			CertFile: cfg.TLSCert, KeyFile: cfg.TLSKey, ClientCAFile: cfg.TLSClientCA, OnReload: h.CertificateChanged,
		})
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("tls-cert, tls-key: %w", err)}
		}
	}
	ln, err := listen("listen", cfg.Listen)
	if err != nil {
		return err
	}
	defer ln.Close() // Again, if all went well.
	var ops net.Listener
	if cfg.Ops != "" {
		if ops, err = listen("ops-listen", cfg.Ops); err != nil {
			return err
		}
		defer ops.Close()
	}
	if err := h.Start(ctx); err != nil {
		return &exitError{exitPlugin, err}
	}
	announce(ln.Addr().String(), publicURL(cfg, ln.Addr()))
	if ops != nil {
		log.WithField("address", ops.Addr().String()).Info("metrics and health for operators")
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	if secure != nil {
		ln = tls.NewListener(ln, secure.Config())
		running.Go(func() { _ = secure.Run(ctx) }) // Its error is that of the context.
	}
	if onHangup != nil {
		running.Go(func() { onHangup(ctx, h, log) })
	}
	door, opsServer := h.Server(), h.OpsServer()
	running.Go(func() { cancelOnError(cancel, door.Serve(ln)) })
	if ops != nil {
		running.Go(func() { cancelOnError(cancel, opsServer.Serve(ops)) })
	}
	err = h.Run(ctx) // Until ctx ends, and every viewer has been told good-bye.
	shutdown(door)
	shutdown(opsServer)
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	log.Info("ended")
	return err
}

// limitsOf are the settings of what viewers may cost, in package host's way.
func limitsOf(cfg *config.Config) host.Limits {
	rate := cfg.SessionRate
	if rate == 0 {
		rate = -1
	}
	return host.Limits{
		SessionRate: rate, SessionBurst: cfg.SessionBurst, Downloads: cfg.MaxDownloads,
		HandshakeTimeout: cfg.HandshakeTimeout, IdleTimeout: cfg.IdleTimeout, WriteTimeout: cfg.WriteTimeout,
		Message: cfg.MaxMessage, PageLines: cfg.MaxPageLines, FilterSteps: cfg.MaxFilterSteps,
	}
}

// named says which setting a mistake is in that package host finds.
func named(err error) error {
	settings := map[string]string{"TokenFile": "token-file", "TrustedProxies": "trusted-proxy", "Mounts": "plugin", "Operators": "operator"}
	if field, ok := errors.AsType[*host.FieldError](err); ok && settings[field.Field] != "" {
		return &config.Error{Setting: settings[field.Field], Problem: field.Err.Error()}
	}
	return err
}

// orNone says in package host's way that there are to be no last lines.
func orNone(lines int) int {
	if lines == 0 {
		return -1
	}
	return lines
}

// allowedHosts adds the name in the public URL to those that are listed.
func allowedHosts(cfg *config.Config) []string {
	_, after, ok := strings.Cut(cfg.PublicURL, "://")
	if !ok {
		return cfg.AllowedHosts
	}
	name, _, _ := strings.Cut(after, "/")
	return append(slices.Clip(cfg.AllowedHosts), name)
}

// cancelOnError ends the program when a listener fails.
func cancelOnError(cancel context.CancelCauseFunc, err error) {
	if !errors.Is(err, http.ErrServerClosed) {
		cancel(fmt.Errorf("accept connections: %w", err))
	}
}

// shutdown ends a server whose long answers are over already.
func shutdown(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close()
	}
}

// swapOnHangup starts the plugins anew at each SIGHUP, one after the other, until ctx ends.
func swapOnHangup(ctx context.Context, h *host.Host, log *logrus.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		for _, prefix := range h.Prefixes() {
			entry := log.WithField("mount", prefix)
			if err := h.Restart(ctx, prefix); err != nil {
				entry.WithError(err).Error("the plugin was not replaced; the old one goes on")
				continue
			}
			entry.Info("the plugin was replaced")
		}
	}
}

// listen opens a listener; the error says what to do.
func listen(setting, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w%s", setting, err, advice(err))
	}
	return ln, nil
}

// advice says what to do about an address on which nobody can listen.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return ": another program listens there; port 0 picks a free one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return ": this machine has no such address"
	case errors.Is(err, syscall.EACCES):
		return ": ports below 1024 need the capability CAP_NET_BIND_SERVICE"
	}
	return ""
}

// publicURL is where people open the page.
func publicURL(cfg *config.Config, addr net.Addr) string {
	if cfg.PublicURL != "" {
		return strings.TrimSuffix(cfg.PublicURL, "/")
	}
	scheme := "http://"
	if cfg.TLSCert != "" {
		scheme = "https://"
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() { // All addresses of the machine: no browser opens that.
		return fmt.Sprintf("%slocalhost:%d%s", scheme, tcp.Port, cfg.BasePath)
	}
	return scheme + addr.String() + cfg.BasePath
}
