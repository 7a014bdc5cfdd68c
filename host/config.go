package host

import (
	"io"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/livetail/livetail/plugin/tail"
)

// Config says what a [Host] serves and how. The zero value of every field but the first two is a sensible default.
type Config struct {
	// Plugin is started and looked after: when it crashes or hangs it is started again, and every viewer goes on where it was.
	Plugin *tail.LaunchOptions
	// Tailer is used instead, as it is, if Plugin is nil.
	Tailer tail.Tailer

	// Lines is how many last lines a new viewer gets; 0 means 1000, less than 0 means none.
	Lines int
	// Heartbeat is the time between pings, HeartbeatTimeout the time to answer one; 0 means 10 s and 5 s.
	Heartbeat, HeartbeatTimeout time.Duration
	// ShutdownTimeout bounds saying good-bye to all viewers; 0 means 10 s.
	ShutdownTimeout time.Duration

	// AllowedHosts are names, with or without port, under which browsers may reach the handler, besides addresses and loopback names.
	// Others are refused, because a hostile page could otherwise reach it by pointing its own name here (DNS rebinding).
	AllowedHosts []string
	// AllowedOrigins are origins (https://name[:port]) whose pages may connect, besides the handler's own.
	AllowedOrigins []string
	// BasePath is where the handler is mounted, such as /logs; empty means the top. Requests have to arrive with it: do not strip it.
	BasePath string
	// TrustedProxies are networks, such as 10.0.0.0/8, whose word about the client's address is believed.
	TrustedProxies []string
	// TokenFile holds the credentials of those who may follow logs; see docs/security.md for its form. Empty: whoever reaches the handler may
	// follow every log of the plugin.
	TokenFile string

	// MaxSessions and MaxSessionsPerAddress bound the viewers; 0 means 10,000 and 1,000.
	MaxSessions, MaxSessionsPerAddress int

	// Profiles adds /debug/pprof/ to what operators are served, for a listener that only this machine reaches.
	Profiles bool

	// Version is what the handler says of itself.
	Version string
	// Log receives what operators should know; nil discards it. The content of logs is never written to it.
	Log *logrus.Logger
}

// filled returns c with the defaults in place.
func (c Config) filled() Config {
	c.Heartbeat = positive(c.Heartbeat, 10*time.Second)
	c.HeartbeatTimeout = positive(c.HeartbeatTimeout, 5*time.Second)
	c.ShutdownTimeout = positive(c.ShutdownTimeout, 10*time.Second)
	c.MaxSessions = positive(c.MaxSessions, 10_000)
	c.MaxSessionsPerAddress = positive(c.MaxSessionsPerAddress, 1_000)
	if c.Version == "" {
		c.Version = "unknown"
	}
	if c.Log == nil {
		c.Log = logrus.New()
		c.Log.SetOutput(io.Discard)
	}
	return c
}

func positive[N ~int | ~int64](v, otherwise N) N {
	if v > 0 {
		return v
	}
	return otherwise
}
