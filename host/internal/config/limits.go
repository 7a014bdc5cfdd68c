package config

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// bindLimits adds the flags of what viewers may cost to fs.
func (c *Config) bindLimits(fs *pflag.FlagSet) {
	fs.IntVar(&c.MaxSessions, "max-sessions", 10_000, "most viewers at a time")
	fs.IntVar(&c.MaxSessionsPerAddress, "max-sessions-per-address", 1_000, "most viewers at a time from one address; loopback does not count")
	fs.Float64Var(&c.SessionRate, "session-rate", 50, "new viewers per second from one address, in the long run; loopback does not count; 0: no limit")
	fs.IntVar(&c.SessionBurst, "session-burst", 200, "new viewers at once from one address")
	fs.IntVar(&c.MaxDownloads, "max-downloads", 32, "most downloads of whole logs at a time")
	fs.DurationVar(&c.HandshakeTimeout, "handshake-timeout", 5*time.Second, "time for a TLS handshake, and for the head of a request")
	fs.DurationVar(&c.IdleTimeout, "idle-timeout", 2*time.Minute, "how long a connection without a request is kept")
	fs.DurationVar(&c.WriteTimeout, "write-timeout", 5*time.Second, "how long a viewer may take no byte of what it is sent")
	fs.IntVar(&c.MaxMessage, "max-message", 4096, "longest message of a viewer, in bytes")
	fs.IntVar(&c.MaxPageLines, "max-page-lines", 10_000, "most lines of one page of history")
	fs.IntVar(&c.MaxFilterSteps, "max-filter-steps", 500, "what the patterns of one filter may cost together, in steps of the compiled program")
}

// checkLimits finds mistakes in what bindLimits bound.
func (c *Config) checkLimits() error {
	for _, n := range []struct {
		setting         string
		is, least, most int
	}{
		{"max-sessions", c.MaxSessions, 1, 10_000_000},
		{"max-sessions-per-address", c.MaxSessionsPerAddress, 1, 10_000_000},
		{"session-burst", c.SessionBurst, 1, 1_000_000},
		{"max-downloads", c.MaxDownloads, 1, 1_000_000},
		{"max-message", c.MaxMessage, 512, 64 << 10},
		{"max-page-lines", c.MaxPageLines, 1, 10_000},
		{"max-filter-steps", c.MaxFilterSteps, 1, 500},
	} {
		if n.is < n.least || n.is > n.most {
			return &Error{n.setting, fmt.Sprintf("%d is not between %d and %d", n.is, n.least, n.most)}
		}
	}
	if !(c.SessionRate >= 0 && c.SessionRate <= 1_000_000) {
		return &Error{"session-rate", fmt.Sprintf("%v is not between 0 and 1000000", c.SessionRate)}
	}
	for _, d := range []struct {
		setting string
		is      time.Duration
	}{{"handshake-timeout", c.HandshakeTimeout}, {"idle-timeout", c.IdleTimeout}, {"write-timeout", c.WriteTimeout}} {
		if d.is < 100*time.Millisecond || d.is > time.Hour {
			return &Error{d.setting, fmt.Sprintf("%s is not between 100ms and 1h", d.is)}
		}
	}
	return nil
}
