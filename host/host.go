// Package host is the front door of livetail: it loads a plugin that follows logs, and serves them to viewers over WebSocket and HTTP.
//
// A program of your own mounts it beside its other handlers; the example of this package is a complete one. docs/protocol.md says what
// viewers speak, docs/architecture.md how it works.
package host

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/httpd"
	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/limit"
	"github.com/livetail/livetail/host/internal/loki"
	"github.com/livetail/livetail/host/internal/metrics"
	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
)

// Host is a front door. It is made by [New], works while [Host.Run] runs, and is safe for concurrent use.
type Host struct {
	cfg      Config
	launcher *launcher         // nil if the tailer is the caller's own
	plugin   *supervise.Plugin // likewise
	hub      *hub.Hub
	access   *access.Access
	metrics  *metrics.Metrics
	loki     *loki.Server
	door     *httpd.Server
	phase    atomic.Int32
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
	h := &Host{cfg: cfg, metrics: metrics.New(metrics.Build{Version: cfg.Version})}
	tailer := cfg.Tailer
	if cfg.Plugin != nil {
		h.launcher = &launcher{opts: *cfg.Plugin, log: cfg.Log}
		h.plugin = supervise.New(supervise.Options{Launch: h.launcher.launch, OnStatus: h.pluginChanged})
		h.metrics.WatchPlugin(h.plugin.Status)
		tailer = h.plugin
	}
	if tailer == nil {
		return nil, errors.New("neither a plugin nor a tailer is configured")
	}
	tailer = h.metrics.Tailer(tailer)
	h.hub = hub.New(tailer, hub.Options{
		HeartbeatInterval: cfg.Heartbeat, HeartbeatTimeout: cfg.HeartbeatTimeout,
		MaxSessions: cfg.MaxSessions, KeepEvents: h.plugin != nil,
	})
	h.metrics.WatchHub(h.hub.Stats)
	proxies, err := access.NewProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	h.access, err = access.New(access.Options{File: cfg.TokenFile, Proxies: proxies, OnReload: h.credentialsChanged})
	if err != nil {
		return nil, err
	}
	h.loki = loki.New(loki.Options{
		Tailer: tailer, Version: cfg.Version, Ready: h.Ready,
		CheckOrigin: func(*http.Request) bool { return true }, // The door has checked it, for all that it answers alike.
	})
	h.door, err = httpd.New(httpd.Options{
		Hub: h.hub, Tailer: tailer, Name: "livetail " + cfg.Version, Lines: cfg.Lines,
		HeartbeatInterval: cfg.Heartbeat, HeartbeatTimeout: cfg.HeartbeatTimeout,
		BasePath: cfg.BasePath, AllowedHosts: cfg.AllowedHosts, AllowedOrigins: cfg.AllowedOrigins,
		Access: h.access, Proxies: proxies,
		Limits: limit.Options{Total: cfg.MaxSessions, PerAddress: cfg.MaxSessionsPerAddress},
		Ready:  h.Ready,
		Loki: func(w http.ResponseWriter, r *http.Request, who access.Identity) {
			serve := func(w http.ResponseWriter, r *http.Request) { h.loki.Serve(w, r, who) }
			http.StripPrefix(cfg.BasePath, http.HandlerFunc(serve)).ServeHTTP(w, r)
		},
		Observer: httpd.Observer{
			Opened: h.metrics.SessionOpened, Closed: h.metrics.SessionClosed, Refused: h.metrics.Refused, Sent: h.metrics.Sent,
			RoundTrip: h.metrics.RoundTrip, Lag: h.metrics.Lag,
		},
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// Start starts the plugin ahead of [Host.Run], so that one that cannot be started is an error at once, and not a state that viewers see. It
// is not needed; if it succeeds, Run has to be called.
func (h *Host) Start(ctx context.Context) error {
	if h.launcher == nil {
		return nil
	}
	return h.launcher.ahead(ctx)
}

// Handler serves viewers. Before [Host.Run] and after it, it says that it is not ready.
func (h *Host) Handler() http.Handler { return h.door }

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
	if h.plugin == nil {
		return nil
	}
	return h.plugin.Ready()
}

// Run serves until ctx is cancelled. Then it says good-bye to all viewers, inviting them back, ends the plugin, and returns nil, or why
// some viewers had to be cut off. It is called once.
func (h *Host) Run(ctx context.Context) error {
	// Each part ends only after those that use it: the door, then the hub, then the plugin.
	pluginCtx, endPlugin := context.WithCancel(context.WithoutCancel(ctx))
	defer endPlugin()
	hubCtx, endHub := context.WithCancel(pluginCtx)
	defer endHub()
	var plugin, others sync.WaitGroup
	if h.plugin != nil {
		plugin.Go(func() { _ = h.plugin.Run(pluginCtx) }) // Its error is that of the context.
		defer h.launcher.drop()
	}
	others.Go(func() { _ = h.hub.Run(hubCtx) })
	others.Go(func() { _ = h.access.Run(hubCtx) })
	h.phase.Store(phaseRunning)

	<-ctx.Done()
	h.phase.Store(phaseEnding)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.ShutdownTimeout)
	defer cancel()
	_ = h.loki.Close() // Cuts its live tails without a good-bye, which is what makes their clients come back.
	err := h.door.Drain(bounded)
	endHub()
	others.Wait()
	endPlugin()
	plugin.Wait()
	if err != nil {
		return errors.New("some viewers did not take their good-bye in time and were cut off")
	}
	return nil
}

// Swap replaces the plugin by another executable while every viewer stays connected. If it cannot be started, the old one stays and the
// error says why.
func (h *Host) Swap(ctx context.Context, opts tail.LaunchOptions) error {
	if h.plugin == nil {
		return errors.New("there is no plugin to replace: the tailer is the program's own")
	}
	next := &launcher{opts: opts, log: h.cfg.Log}
	return h.plugin.Swap(ctx, next.launch)
}

// Server returns an HTTP server for the handler, with the limits against slow and oversized requests that it needs.
func (h *Host) Server() *http.Server { return newServer(h.door, h.cfg.Log) }

// OpsServer returns an HTTP server for [Host.OpsHandler].
func (h *Host) OpsServer() *http.Server { return newServer(h.OpsHandler(), h.cfg.Log) }

// Limits of both servers.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)
