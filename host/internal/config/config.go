// Package config holds the settings of `livetail serve`. A setting is a flag; the environment and the YAML file say the same things by
// the same names: --heartbeat-timeout, LIVETAIL_HEARTBEAT_TIMEOUT, heartbeat-timeout. A flag beats the environment, which beats the
// file, which beats the default.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/livetail/livetail/host/internal/access"
)

// Config is everything that can be set.
type Config struct {
	File string

	Roots  []string // what may be followed: folders and files
	Listen string
	Ops    string // listener of metrics and profiles; empty: none

	Lines            int
	LokiBacklog      int
	Heartbeat        time.Duration
	HeartbeatTimeout time.Duration
	ShutdownTimeout  time.Duration

	AllowedHosts   []string
	AllowedOrigins []string
	BasePath       string
	PublicURL      string
	TrustedProxies []string
	Insecure       bool

	TokenFile   string
	TLSCert     string
	TLSKey      string
	TLSClientCA string

	Operators []string // names of credentials that may have plugins replaced

	MaxSessions           int
	MaxSessionsPerAddress int
	SessionRate           float64
	SessionBurst          int
	MaxDownloads          int
	HandshakeTimeout      time.Duration
	IdleTimeout           time.Duration
	WriteTimeout          time.Duration
	MaxMessage            int
	MaxPageLines          int
	MaxFilterSteps        int

	// Plugins, PluginArgs and PluginSHA256 are as they were said, with or without PREFIX=; Mounts is what they mean.
	Plugins      []string
	PluginArgs   []string
	PluginSHA256 []string
	// PluginHealthy and PluginFailures say how a plugin that ends is treated.
	PluginHealthy  time.Duration
	PluginFailures int
	Mounts         []Mount

	Poll       time.Duration
	NoEvents   bool
	Encodings  []string
	Zones      []string
	OldFolders []string

	OTLPEndpoint string
	TraceURL     string

	LogLevel  string
	LogFormat string
}

// Defaults that other packages or texts repeat.
const (
	DefaultListen = "127.0.0.1:8765"
	DefaultRoot   = "./logs"
)

// Bind adds the flags of c to fs, with their defaults.
func (c *Config) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&c.File, "config", "", "YAML file with settings, named like the flags; roots: is the list of DIR|FILE")
	fs.StringVar(&c.Listen, "listen", DefaultListen, "address to listen on; port 0 picks a free one")
	fs.StringVar(&c.Ops, "ops-listen", "", "address of the listener for /metrics, /healthz, /readyz and, on loopback, /debug/pprof/, e.g. 127.0.0.1:8766 (default: none)")
	fs.IntVar(&c.Lines, "lines", 1000, "how many last lines a new viewer gets")
	fs.IntVar(&c.LokiBacklog, "loki-backlog", 10, "how many last lines a live tail of a Loki client begins with that does not say since when, as Grafana's does not")
	fs.DurationVar(&c.Heartbeat, "heartbeat", 10*time.Second, "time between two pings of a viewer")
	fs.DurationVar(&c.HeartbeatTimeout, "heartbeat-timeout", 5*time.Second, "time that a viewer has to answer a ping")
	fs.DurationVar(&c.ShutdownTimeout, "shutdown-timeout", 10*time.Second, "time to say good-bye to all viewers when ending")
	fs.StringSliceVar(&c.AllowedHosts, "allowed-host", nil, "further name under which browsers may reach this server (repeatable); loopback names and the listen address always may")
	fs.StringSliceVar(&c.AllowedOrigins, "allowed-origin", nil, "further origin, e.g. https://grafana.example.org, whose pages may connect (repeatable)")
	fs.StringVar(&c.BasePath, "base-path", "", "path under which a proxy publishes this server, e.g. /logs")
	fs.StringVar(&c.PublicURL, "public-url", "", "URL under which people reach this server, for what it prints at the start (default: the listen address)")
	fs.StringSliceVar(&c.TrustedProxies, "trusted-proxy", nil, "network, e.g. 10.0.0.0/8, of proxies whose word about addresses is believed (repeatable)")
	fs.StringVar(&c.TokenFile, "token-file", "", "file with the credentials of those who may follow logs; livetail token makes a line of it (default: no credentials)")
	fs.StringVar(&c.TLSCert, "tls-cert", "", "PEM file with the certificate; read again when it changes")
	fs.StringVar(&c.TLSKey, "tls-key", "", "PEM file with the key of the certificate")
	fs.StringVar(&c.TLSClientCA, "tls-client-ca", "", "PEM file with the authorities of which viewers must show a certificate")
	fs.BoolVar(&c.Insecure, "insecure", false, "allow an address other than loopback without credentials and TLS")
	c.bindLimits(fs)
	fs.StringArrayVar(&c.Plugins, "plugin", nil, "[PREFIX=]PATH: executable of a plugin whose logs stand below PREFIX, e.g. /docker=/usr/bin/livetail-docker; without PREFIX, of the one for DIR|FILE in place of livetail's own (repeatable)")
	fs.StringArrayVar(&c.PluginArgs, "plugin-arg", nil, "[PREFIX=]ARG: argument for the plugin at PREFIX; without PREFIX, for the one for DIR|FILE, before these (repeatable)")
	fs.StringArrayVar(&c.PluginSHA256, "plugin-sha256", nil, "[PREFIX=]SHA256: checksum that the plugin's executable must have (repeatable)")
	fs.DurationVar(&c.PluginHealthy, "plugin-healthy", time.Minute, "how long a plugin has to live to be started again at once when it ends; the wait grows while it lives shorter, up to 30s")
	fs.IntVar(&c.PluginFailures, "plugin-failures", 10, "how often a plugin may end within 5m before /readyz turns red and it is tried every 30s")
	fs.StringSliceVar(&c.Operators, "operator", nil, "name of a credential that may have plugins replaced over HTTP (repeatable; default: nobody)")
	fs.DurationVar(&c.Poll, "poll", 250*time.Millisecond, "how often files are looked at when the system sends no notice of changes")
	fs.BoolVar(&c.NoEvents, "no-events", false, "find all changes by looking, as on network file systems")
	fs.StringArrayVar(&c.Encodings, "encoding", nil, "encoding of logs without a byte order mark, NAME or PATTERN=NAME, as in '/var/log/old/*.log=gbk': utf-8, utf-16le, utf-16be, gbk or gb18030 (repeatable; default utf-8)")
	fs.StringArrayVar(&c.Zones, "time-zone", nil, "time zone of lines whose time names none, NAME or PATTERN=NAME, as in '/var/log/db/*.log=Europe/Berlin': local, utc, an offset such as +05:30, or a name of the tz database (repeatable; default local)")
	fs.StringArrayVar(&c.OldFolders, "old-folder", nil, "folder, in the roots, to which rotated files are moved (logrotate's olddir), FOLDER or PATTERN=FOLDER, as in '/var/log/nginx/*.log=old'; as seen from that of the log if it is relative (repeatable; default: they stay beside the log)")
	fs.StringVar(&c.TraceURL, "trace-url", "", "where the page links the traces to that lines name, e.g. https://tempo.example.org/trace/{trace_id} (default: to the lines that name the same)")
	fs.StringVar(&c.OTLPEndpoint, "otlp-endpoint", "", "URL of an OpenTelemetry receiver for traces, e.g. http://127.0.0.1:4318; the variables OTEL_EXPORTER_OTLP_… do the same (default: no traces)")
	fs.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warning or error")
	fs.StringVar(&c.LogFormat, "log-format", "auto", "text, json, or auto: text on a terminal")
}

// Error is a mistake in one setting.
type Error struct {
	Setting string
	Problem string
}

func (e *Error) Error() string { return e.Setting + ": " + e.Problem }

// Validate completes c and finds mistakes; each is an [Error] that names its setting.
func (c *Config) Validate() error {
	if len(c.Roots) == 0 {
		c.Roots = []string{DefaultRoot}
	}
	for i, r := range c.Roots {
		abs, err := filepath.Abs(r)
		// The empty path would be the current folder, which is not what an unset variable means.
		if err != nil || r == "" || strings.ContainsRune(r, 0) {
			return &Error{"roots", fmt.Sprintf("%q is not a path", r)}
		}
		c.Roots[i] = abs
	}
	for _, a := range []struct{ setting, addr string }{{"listen", c.Listen}, {"ops-listen", c.Ops}} {
		if a.setting == "ops-listen" && a.addr == "" {
			continue
		}
		if err := c.checkAddress(a.setting, a.addr); err != nil {
			return err
		}
	}
	switch {
	case c.Lines < 0 || c.Lines > 1_000_000:
		return &Error{"lines", fmt.Sprintf("%d is not between 0 and 1000000", c.Lines)}
	case c.LokiBacklog < 0 || c.LokiBacklog > 5000:
		return &Error{"loki-backlog", fmt.Sprintf("%d is not between 0 and 5000", c.LokiBacklog)}
	case c.Heartbeat < 100*time.Millisecond || c.Heartbeat > time.Hour:
		return &Error{"heartbeat", fmt.Sprintf("%s is not between 100ms and 1h", c.Heartbeat)}
	case c.HeartbeatTimeout < 100*time.Millisecond || c.HeartbeatTimeout > time.Hour:
		return &Error{"heartbeat-timeout", fmt.Sprintf("%s is not between 100ms and 1h", c.HeartbeatTimeout)}
	case c.ShutdownTimeout < 0 || c.ShutdownTimeout > 10*time.Minute:
		return &Error{"shutdown-timeout", fmt.Sprintf("%s is not between 0s and 10m", c.ShutdownTimeout)}
	case c.Poll < 10*time.Millisecond || c.Poll > time.Minute:
		return &Error{"poll", fmt.Sprintf("%s is not between 10ms and 1m", c.Poll)}
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return &Error{"tls-cert", "and tls-key belong together, and only one of them is set"}
	case c.TLSClientCA != "" && c.TLSCert == "":
		return &Error{"tls-client-ca", "is set without tls-cert"}
	case c.PluginHealthy < time.Millisecond || c.PluginHealthy > time.Hour:
		return &Error{"plugin-healthy", fmt.Sprintf("%s is not between 1ms and 1h", c.PluginHealthy)}
	case c.PluginFailures < 1 || c.PluginFailures > 1_000_000:
		return &Error{"plugin-failures", fmt.Sprintf("%d is not between 1 and 1000000", c.PluginFailures)}
	case len(c.Operators) > 0 && c.TokenFile == "":
		return &Error{"operator", "is set without token-file, which holds the credentials"}
	}
	if err := c.checkLimits(); err != nil {
		return err
	}
	if err := c.readMounts(); err != nil {
		return err
	}
	return c.checkNames()
}

// traceID stands in trace-url where the name of a trace is to be put.
const traceID = "{trace_id}"

func (c *Config) checkNames() error {
	for _, o := range c.AllowedOrigins {
		if !strings.HasPrefix(o, "http://") && !strings.HasPrefix(o, "https://") || strings.Count(o, "/") != 2 {
			return &Error{"allowed-origin", fmt.Sprintf("%q is not of the form https://name[:port]", o)}
		}
	}
	for _, h := range c.AllowedHosts {
		if h == "" || strings.ContainsAny(h, "/ *") {
			return &Error{"allowed-host", fmt.Sprintf("%q is not a host name", h)}
		}
	}
	if _, err := access.NewProxies(c.TrustedProxies); err != nil {
		return &Error{"trusted-proxy", err.Error()}
	}
	if u, err := url.Parse(c.OTLPEndpoint); c.OTLPEndpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return &Error{"otlp-endpoint", fmt.Sprintf("%q is not of the form http://name[:port]", c.OTLPEndpoint)}
	}
	if u, err := url.Parse(strings.ReplaceAll(c.TraceURL, traceID, "0")); c.TraceURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || !strings.Contains(c.TraceURL, traceID)) {
		return &Error{"trace-url", fmt.Sprintf("%q is not of the form https://name/path/%s", c.TraceURL, traceID)}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return &Error{"public-url", fmt.Sprintf("%q is not of the form https://name[:port][/path]", c.PublicURL)}
	}
	if c.BasePath != "" {
		if !strings.HasPrefix(c.BasePath, "/") || path.Clean(c.BasePath) != c.BasePath || c.BasePath == "/" || strings.ContainsAny(c.BasePath, "?#%\"<>\\") || strings.ContainsFunc(c.BasePath, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return &Error{"base-path", fmt.Sprintf("%q must begin with /, not end with it, and have no empty, . or .. part, no space, and none of ?#%%\"<>\\", c.BasePath)}
		}
	}
	return nil
}

// checkAddress refuses what is no address, and what strangers could reach without proof of who they are.
func (c *Config) checkAddress(setting, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return &Error{setting, fmt.Sprintf("%q is not of the form address:port", addr)}
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return &Error{setting, fmt.Sprintf("%q is not a port", port)}
	}
	if IsLoopback(host) || c.Insecure {
		return nil
	}
	if setting == "listen" && c.TokenFile != "" && c.TLSCert != "" {
		return nil
	}
	return &Error{setting, fmt.Sprintf("%s can be reached from other machines: set token-file, tls-cert and tls-key, or listen on 127.0.0.1 behind a "+
		"proxy that asks who comes, or say --insecure", addr)}
}

// IsLoopback reports whether host, an address or a name, is this machine alone.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// IsLoopbackAddress reports whether addr, of the form address:port, is this machine alone.
func IsLoopbackAddress(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && IsLoopback(host)
}

// MissingRoots returns the roots that do not exist now: they may appear later, but a typing error is likelier.
func (c *Config) MissingRoots() []string {
	var missing []string
	for _, r := range c.Roots {
		if _, err := os.Stat(r); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, r)
		}
	}
	return missing
}
