// Package host is the front door of livetail: it loads a plugin that follows logs, and serves them to viewers over WebSocket and HTTP.
//
// A program of your own mounts it beside its other handlers; the example of this package is a complete one. docs/protocol.md says what
// viewers speak, docs/architecture.md how it works.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/httpd"
	"github.com/livetail/livetail/host/internal/limit"
	"github.com/livetail/livetail/host/internal/loki"
	"github.com/livetail/livetail/host/internal/metrics"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/tracing"
	"github.com/livetail/livetail/host/internal/wire"
)

// Host is a front door. It is made by [New], works while [Host.Run] runs, and is safe for concurrent use.
type Host struct {
	cfg     Config
	mounts  []*mounted
	access  *access.Access
	metrics *metrics.Metrics
	loki    *loki.Server
	door    *httpd.Server
	traces  *tracing.Tracer
	handler http.Handler // the door, with traces
	phase   atomic.Int32
}

// The phases of a host.
const (
	phaseNew int32 = iota
	phaseRunning
	phaseEnding
)

// New makes a front door. Nothing runs yet. The error is a mistake in cfg.
func New(cfg Config) (*Host, error) {
	cfg = cfg.filled()
	h := &Host{cfg: cfg, metrics: metrics.New(metrics.Build{Version: cfg.Version}), traces: tracing.New(cfg.Traces, cfg.Log)}
	mounts, err := h.mountAll()
	if err != nil {
		return nil, &FieldError{"Mounts", err}
	}
	proxies, err := access.NewProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, &FieldError{"TrustedProxies", err}
	}
	h.access, err = access.New(access.Options{File: cfg.TokenFile, Proxies: proxies, OnReload: h.credentialsChanged})
	if err != nil {
		return nil, &FieldError{"TokenFile", err}
	}
	for _, name := range cfg.Operators {
		if !h.access.Knows(name) {
			return nil, &FieldError{"Operators", fmt.Errorf("%q is the name of no credential in %s", name, cmp.Or(cfg.TokenFile, "TokenFile, which is not set"))}
		}
	}
	h.loki = loki.New(loki.Options{
		Tailer: mounts.Tailer(), Part: partOf(mounts), Backlog: cfg.LokiBacklog, Version: cfg.Version, Ready: h.Ready,
		Observer:    loki.Observer{Opened: h.metrics.SessionOpened, Closed: h.metrics.SessionClosed, Sent: h.metrics.Sent, Delivered: h.metrics.Delivered},
		CheckOrigin: func(*http.Request) bool { return true }, // The door has checked it, for all that it answers alike.
	})
	h.door, err = httpd.New(httpd.Options{
		Mounts: mounts, Name: "livetail " + cfg.Version, Lines: cfg.Lines,
		HeartbeatInterval: cfg.Heartbeat, HeartbeatTimeout: cfg.HeartbeatTimeout,
		BasePath: cfg.BasePath, AllowedHosts: cfg.AllowedHosts, AllowedOrigins: cfg.AllowedOrigins,
		Access: h.access, Proxies: proxies,
		Limits: limit.Options{
			Total: cfg.MaxSessions, PerAddress: cfg.MaxSessionsPerAddress, Downloads: cfg.Limits.Downloads,
			Rate: cfg.Limits.SessionRate, Burst: cfg.Limits.SessionBurst,
		},
		Messages:  wire.Limits{Frame: cfg.Limits.Message, PageLines: cfg.Limits.PageLines, FilterSteps: cfg.Limits.FilterSteps},
		Stall:     cfg.Limits.WriteTimeout,
		Operators: cfg.Operators, Restart: h.Restart,
		Zone: zoneOf(mounts, cfg.Zone), TraceURL: cfg.TraceURL,
		Ready: h.Ready,
		Loki: func(w http.ResponseWriter, r *http.Request, who access.Identity) {
			serve := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.loki.Serve(w, r, who) }))
			if !strings.HasSuffix(r.URL.Path, "/tail") { // That one lasts, and is counted as a session.
				serve = h.metrics.Handler("loki", serve)
			}
			http.StripPrefix(cfg.BasePath, serve).ServeHTTP(w, r)
		},
		Observer: httpd.Observer{
			Opened: h.metrics.SessionOpened, Closed: h.metrics.SessionClosed, Refused: h.metrics.Refused, Sent: h.metrics.Sent, Delivered: h.metrics.Delivered,
			RoundTrip: h.metrics.RoundTrip, Lag: h.metrics.Lag,
		},
	})
	if err != nil {
		return nil, err
	}
	h.handler = h.traces.Handler(h.door)
	return h, nil
}

// partOf says at which prefix a log is mounted; it is nil if there is but one.
func partOf(mounts *mount.Table) func(log string) string {
	if len(mounts.All()) < 2 {
		return nil
	}
	return func(log string) string {
		if m, _, ok := mounts.Find(log); ok {
			return m.Prefix
		}
		return ""
	}
}

// zoneOf asks zone about what is mounted nowhere else.
func zoneOf(mounts *mount.Table, zone func(log string) string) func(log string) string {
	return func(log string) string {
		if m, _, ok := mounts.Find(log); zone != nil && ok && m.Prefix == mount.Root {
			return zone(log)
		}
		return ""
	}
}

// Start starts the plugins ahead of [Host.Run], so that one that cannot be started is an error at once, and not a state that viewers see.
// It is not needed; if it succeeds, Run has to be called.
func (h *Host) Start(ctx context.Context) error {
	for _, m := range h.mounts {
		if m.launcher == nil {
			continue
		}
		if err := m.launcher.ahead(ctx); err != nil {
			h.drop()
			if m.prefix != mount.Root {
				err = fmt.Errorf("the plugin for %s: %w", m.prefix, err)
			}
			return err
		}
	}
	return nil
}

// Handler serves viewers. Before [Host.Run] and after it, it says that it is not ready.
func (h *Host) Handler() http.Handler { return h.handler }

// OpsHandler serves operators: /metrics, /healthz, /readyz and perhaps /debug/pprof/. It belongs on a listener that only they reach.
func (h *Host) OpsHandler() http.Handler {
	return metrics.OpsHandler(metrics.OpsOptions{
		Metrics: h.metrics, Version: h.cfg.Version, Profiles: h.cfg.Profiles, AllowedHosts: h.cfg.AllowedHosts,
		Ready: []metrics.Check{{Name: "front door", Run: func(context.Context) error { return h.Ready() }}},
	})
}

// Ready says in one sentence why viewers cannot be served now, or nil.
func (h *Host) Ready() error {
	switch h.phase.Load() {
	case phaseNew:
		return errors.New("the front door is not running yet")
	case phaseEnding:
		return errors.New("the front door is ending")
	}
	for _, m := range h.mounts {
		if m.plugin == nil {
			continue
		}
		if err := m.plugin.Ready(); err != nil && m.prefix != mount.Root {
			return fmt.Errorf("%s: %w", m.prefix, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Run serves until ctx is cancelled. Then it says good-bye to all viewers, inviting them back, ends the plugin, and returns nil, or why
// some viewers had to be cut off. It is called once.
func (h *Host) Run(ctx context.Context) error {
	// Each part ends only after those that use it: the door, then the hubs, then the plugins.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	endMounts := h.runMounts(lasting)
	var others sync.WaitGroup
	others.Go(func() { _ = h.access.Run(lasting) }) // Its error is that of the context.
	h.phase.Store(phaseRunning)

	<-ctx.Done()
	h.phase.Store(phaseEnding)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.ShutdownTimeout)
	defer cancel()
	_ = h.loki.Close() // Cuts its live tails without a good-bye, which is what makes their clients come back.
	err := h.door.Drain(bounded)
	endMounts()
	end()
	others.Wait()
	if err != nil {
		return errors.New("some viewers did not take their good-bye in time and were cut off")
	}
	return nil
}

// Server returns an HTTP server for the handler, with the limits against slow and oversized requests that it needs.
func (h *Host) Server() *http.Server {
	s := newServer(h.handler, h.cfg)
	watchConnections(s, func() { h.metrics.Refused(metrics.StageLimit, "handshake") }, h.metrics.IdleClosed)
	return s
}

// OpsServer returns an HTTP server for [Host.OpsHandler].
func (h *Host) OpsServer() *http.Server { return newServer(h.OpsHandler(), h.cfg) }

// maxHeaderBytes is the most that the head of a request may have.
const maxHeaderBytes = 64 << 10
