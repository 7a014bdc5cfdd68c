package host

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/metrics"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/host/internal/tracing"
	"github.com/livetail/livetail/plugin/tail"
)

// mounted is one plugin, or tailer, at its prefix, with the sessions that follow its logs. Each has a hub of its own, so that a plugin
// that is down is no matter to those who follow the logs of another.
type mounted struct {
	prefix   string
	launcher *launcher         // nil if the tailer is the caller's own
	plugin   *supervise.Plugin // likewise
	hub      *hub.Hub
	tailer   tail.Tailer // with its calls counted
	outage   *tracing.Outage
}

// mountAll makes what cfg says is to be mounted. Nothing runs yet.
func (h *Host) mountAll() (*mount.Table, error) {
	all := h.cfg.Mounts
	if h.cfg.Plugin != nil || h.cfg.Tailer != nil {
		all = append([]Mount{{Prefix: mount.Root, Plugin: h.cfg.Plugin, Tailer: h.cfg.Tailer}}, all...)
	}
	if len(all) == 0 {
		return nil, errors.New("neither a plugin nor a tailer is configured")
	}
	var mounts []mount.Mount
	var plugins []metrics.Plugin
	var meters []metrics.Meter
	for _, c := range all {
		m, err := h.mountOne(c)
		if err != nil {
			return nil, err
		}
		h.mounts = append(h.mounts, m)
		mounts = append(mounts, mount.Mount{Prefix: m.prefix, Tailer: m.tailer, Hub: m.hub})
		if m.plugin != nil {
			plugins = append(plugins, metrics.Plugin{Mount: m.prefix, Status: m.plugin.Status})
			meters = append(meters, metrics.Meter{Mount: m.prefix, Meter: m.plugin})
		} else if meter, ok := c.Tailer.(tail.Meter); ok {
			meters = append(meters, metrics.Meter{Mount: m.prefix, Meter: meter})
		}
	}
	h.metrics.WatchMeters(meters)
	if len(plugins) > 0 {
		h.metrics.WatchPlugins(plugins)
	}
	h.metrics.WatchHub(h.stats)
	return mount.New(mounts...)
}

func (h *Host) mountOne(c Mount) (*mounted, error) {
	m := &mounted{prefix: c.Prefix, outage: h.traces.Outage(c.Prefix)}
	tailer := c.Tailer
	if c.Plugin != nil {
		m.launcher = &launcher{opts: *c.Plugin, log: h.cfg.Log, prefix: c.Prefix, started: h.metrics.PluginStarted}
		m.plugin = supervise.New(supervise.Options{
			Launch: m.launcher.launch, OnStatus: func(s supervise.Status) { h.pluginChanged(m, s) },
			Healthy: h.cfg.PluginHealthy, BreakerFailures: h.cfg.PluginFailures,
		})
		tailer = m.plugin
	}
	if tailer == nil {
		return nil, fmt.Errorf("neither a plugin nor a tailer is configured for %s", c.Prefix)
	}
	m.tailer = h.metrics.Tailer(c.Prefix, h.traces.Tailer(tailer))
	m.hub = hub.New(m.tailer, hub.Options{
		HeartbeatInterval: h.cfg.Heartbeat, HeartbeatTimeout: h.cfg.HeartbeatTimeout,
		MaxSessions: h.cfg.MaxSessions,
	})
	return m, nil
}

// stats adds up those of all hubs.
func (h *Host) stats() hub.Stats {
	var all hub.Stats
	for _, m := range h.mounts {
		s := m.hub.Stats()
		all.Sessions += s.Sessions
		all.Private += s.Private
		all.Feeds += s.Feeds
		all.RingBytes += s.RingBytes
		all.Joined += s.Joined
		all.FellOut += s.FellOut
		all.Parked += s.Parked
		all.HeartbeatCalls += s.HeartbeatCalls
	}
	return all
}

// runMounts runs plugins and hubs. What it returns ends the hubs and then the plugins, and returns when all are gone; it is to be
// called once.
func (h *Host) runMounts(ctx context.Context) (end func()) {
	pluginCtx, endPlugins := context.WithCancel(ctx)
	hubCtx, endHubs := context.WithCancel(ctx)
	var plugins, hubs sync.WaitGroup
	for _, m := range h.mounts {
		if m.plugin != nil {
			plugins.Go(func() { _ = m.plugin.Run(pluginCtx) }) // Its error is that of the context.
		}
		hubs.Go(func() { _ = m.hub.Run(hubCtx) }) // Likewise.
	}
	return func() {
		endHubs()
		hubs.Wait()
		endPlugins()
		plugins.Wait()
		h.drop()
	}
}

// drop closes processes that were started ahead and that nobody took.
func (h *Host) drop() {
	for _, m := range h.mounts {
		if m.launcher != nil {
			m.launcher.drop()
		}
	}
}

// Prefixes are those at which plugins of the host's own are mounted, in the order of the configuration.
func (h *Host) Prefixes() []string {
	var all []string
	for _, m := range h.mounts {
		if m.plugin != nil {
			all = append(all, m.prefix)
		}
	}
	return all
}

// Swap replaces the plugin at a prefix by another executable while every viewer stays connected. If it cannot be started, the old one
// stays and the error says why.
func (h *Host) Swap(ctx context.Context, prefix string, opts tail.LaunchOptions) error {
	m := h.at(prefix)
	if m == nil {
		return fmt.Errorf("there is no plugin at %s: %w", prefix, tail.ErrNotFound)
	}
	next := &launcher{opts: opts, log: h.cfg.Log, prefix: prefix, started: h.metrics.PluginStarted}
	return m.plugin.Swap(ctx, next.launch)
}

// Restart replaces the plugin at a prefix by a process that is started in the same way, which takes a new executable into use if there is
// one by now.
func (h *Host) Restart(ctx context.Context, prefix string) error {
	m := h.at(prefix)
	if m == nil {
		return fmt.Errorf("there is no plugin at %s: %w", prefix, tail.ErrNotFound)
	}
	return m.plugin.Swap(ctx, m.launcher.start)
}

func (h *Host) at(prefix string) *mounted {
	for _, m := range h.mounts {
		if m.prefix == prefix && m.plugin != nil {
			return m
		}
	}
	return nil
}
