package host

import (
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/supervise"
)

// pluginChanged tells operators and viewers how the plugin of m is.
func (h *Host) pluginChanged(m *mounted, s supervise.Status) {
	entry := h.cfg.Log.WithFields(logrus.Fields{"state": s.State.String(), "restarts": s.Restarts})
	if m.prefix != mount.Root {
		entry = entry.WithField("mount", m.prefix)
	}
	if s.Pid != 0 {
		entry = entry.WithField("pid", s.Pid)
	}
	if s.Err != nil && s.State != supervise.StateUp {
		entry = entry.WithError(s.Err)
	}
	if s.State == supervise.StateUp || s.State == supervise.StateRestarting || s.State == supervise.StateDown {
		m.outage.Update(s.State == supervise.StateUp, s.Err)
	}
	switch s.State {
	case supervise.StateUp:
		entry.Info("the plugin is up")
		m.hub.Notify(hub.Status{State: hub.StateUp})
	case supervise.StateRestarting:
		entry.Warn("the plugin went away and is started again; viewers stay connected")
		m.hub.Notify(hub.Status{State: hub.StateRestarting})
	case supervise.StateDown:
		entry.Error("the plugin cannot be started; it is tried again, slowly")
		m.hub.Notify(hub.Status{State: hub.StateDown})
	case supervise.StateStarting, supervise.StateStopped:
		entry.Debug("the plugin")
	}
}

// credentialsChanged tells operators that the file of credentials was read again.
func (h *Host) credentialsChanged(credentials int, err error) {
	h.metrics.Credentials(credentials, err)
	if err != nil {
		h.cfg.Log.WithError(err).Error("the credentials were not read again; the old ones stay")
		return
	}
	h.cfg.Log.WithField("credentials", credentials).Info("the credentials were read")
}

// CertificateChanged tells operators that the files of the TLS listener were read again: when the certificate ends, or why the old one
// stays. It is for whoever serves the handler with certificates that change.
func (h *Host) CertificateChanged(notAfter time.Time, err error) {
	h.metrics.Certificate(notAfter, err)
	if err != nil {
		h.cfg.Log.WithError(err).Error("the certificate was not read again; the old one stays")
		return
	}
	h.cfg.Log.WithField("ends", notAfter.UTC().Format(time.RFC3339)).Info("the certificate was read")
}

// pluginLog makes entries of our own log out of what a plugin writes to its standard error.
func pluginLog(to *logrus.Logger, prefix string) *supervise.Stderr {
	return supervise.NewStderr(supervise.StderrOptions{Emit: func(r supervise.Record) {
		level, err := logrus.ParseLevel(r.Level)
		if err != nil || level < logrus.ErrorLevel {
			level = logrus.ErrorLevel // A plugin cannot end the host by what it says.
		}
		entry := to.WithField("from", "plugin")
		if prefix != mount.Root {
			entry = entry.WithField("mount", prefix)
		}
		for k, v := range r.Fields {
			entry = entry.WithField("plugin."+k, v)
		}
		if r.Dropped > 0 {
			entry = entry.WithField("dropped", r.Dropped)
		}
		entry.Log(level, r.Message)
	}})
}

// newServer is an HTTP server with limits against slow and oversized requests.
func newServer(handler http.Handler, cfg Config) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.Limits.HandshakeTimeout,
		IdleTimeout:       cfg.Limits.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{cfg.Log}, "", 0),
	}
}

// serverLog receives what net/http says about single connections, which is for those who look for a fault.
type serverLog struct{ to *logrus.Logger }

func (l serverLog) Write(p []byte) (int, error) {
	l.to.Debug(strings.TrimSpace(string(p)))
	return len(p), nil
}
