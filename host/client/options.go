package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// Defaults and limits of [Options].
const (
	// DefaultQueue is how many bytes of text wait for a consumer that is busy.
	DefaultQueue = 1 << 20
	// MaxMessage is the longest message that is accepted from a server, in bytes.
	MaxMessage = 64 << 20
	// maxURL is the longest URL, in bytes.
	maxURL = 16 << 10
	// maxQuery is the longest query that a server takes, in bytes.
	maxQuery = 8 << 10
)

// Options says how a log is followed. The zero value is good.
type Options struct {
	// Start says where to begin; the zero value leaves it to the URL, and to the server's default of the last 1000 lines.
	// [tail.StartAtLastLines] with 0 begins with what is written from now on. Wherever it begins, the server reads no further ahead than
	// the consumer comes, so the whole of a log takes no more memory than its last lines.
	Start tail.Start
	// Once ends the sequence at the end of the log; otherwise it goes on with new lines.
	Once bool
	// Wait waits for a log that does not exist yet.
	Wait bool
	// Filter says which lines are wanted, in addition to what the URL says.
	Filter tail.Filter
	// Format is how the text is rendered: raw, text, ansi or html; empty means raw, the bytes of the log.
	Format string

	// Header is sent with each handshake, for example Authorization. The Origin, if any, belongs here too.
	Header http.Header
	// TLS configures wss connections; nil means the defaults.
	TLS *tls.Config
	// Attempts is how often in a row a connection is tried. 0 means once for the first connection, and for ever for one that broke.
	Attempts int
	// NoReconnect ends the sequence with an error when the connection breaks.
	NoReconnect bool
	// HandshakeTimeout bounds connecting; 0 means 10 s.
	HandshakeTimeout time.Duration
	// Queue is how many bytes of text may wait for a consumer that is busy; 0 means DefaultQueue. When it is full, the connection is
	// not read, and the server waits or, after its own time, lets go; the client then comes back at its position.
	Queue int

	// OnStatus is told what happens to the connection, from the goroutine of the connection. Nil drops it.
	OnStatus func(Status)
}

// Status is something that happened to the connection, and not to the log: [Connected], [Disconnected], [Beat] or [Plugin].
type Status interface{ isStatus() }

// Connected says that the server has greeted us.
type Connected struct {
	// Server is the server's name and version, Session its name for the connection, Log the log as it understands the URL.
	Server, Session, Log string
	// Capabilities are what the plugin behind the server can do; see [tail.Info].
	Capabilities []string
	// At is the position asked for; zero at the first connection, unless Options said so.
	At tail.Position
}

// Disconnected says that the connection broke, or could not be made.
type Disconnected struct {
	// Err is why.
	Err error
	// Retry is when the next attempt is made.
	Retry time.Duration
}

// Beat is a heartbeat of the server, which has been answered.
type Beat struct {
	// RTT is the last round trip as the server measured it, Behind how many bytes of the log are still to come; negative if unknown.
	RTT    time.Duration
	Behind int64
}

// Plugin says how the plugin behind the server is: up, restarting or down.
type Plugin struct{ State string }

func (Connected) isStatus()    {}
func (Disconnected) isStatus() {}
func (Beat) isStatus()         {}
func (Plugin) isStatus()       {}

// ErrUnauthorized is the error of a server that wants to know who asks.
var ErrUnauthorized = errors.New("not authorized")

// target turns the URL that the user wrote into the one to dial, with scheme being ws or http, and the s added as needed.
func target(raw, scheme string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("URL has %d bytes; at most %d are possible", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = scheme
	case "wss", "https":
		u.Scheme = scheme + "s"
	default:
		return nil, fmt.Errorf("URL %q must begin with ws://, wss://, http:// or https://", raw)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("URL %q names no host", raw)
	}
	if u.Path == "" || u.Path == "/" {
		return nil, fmt.Errorf("URL %q names no log; append its path, as in ws://127.0.0.1:8765/var/log/app.log", raw)
	}
	u.Fragment = ""
	return u, nil
}

// query adds what the options say to the query of the URL, which says the rest. left is what was left before at, the latest last.
func (o *Options) query(u *url.URL, at tail.Position, left []tail.Position, lost bool, f tail.Filter) error {
	q := u.Query()
	if !o.Once {
		q.Set("tail", "1")
	}
	if o.Wait {
		q.Set("wait", "1")
	}
	if o.Format != "" || !q.Has("format") {
		q.Set("format", o.Format)
		if o.Format == "" {
			q.Set("format", "raw")
		}
	}
	begin := func(key, value string) {
		for _, k := range [...]string{"lines", "from", "since"} {
			q.Del(k)
		}
		q.Set(key, value)
	}
	if n, ok := o.Start.LastLines(); ok {
		begin("lines", strconv.FormatInt(n, 10))
	}
	if o.Start.Beginning() {
		begin("from", "beginning")
	}
	if p, ok := o.Start.Position(); ok && !lost {
		begin("from", p.String())
	}
	if t, ok := o.Start.Time(); ok {
		begin("since", t.UTC().Format(time.RFC3339Nano))
	}
	if !at.IsZero() {
		begin("from", at.String())
	}
	for _, p := range f.Include {
		q.Add("include", p)
	}
	for _, p := range f.Exclude {
		q.Add("exclude", p)
	}
	if !at.IsZero() {
		q.Del("left")
		for _, p := range left {
			q.Add("left", p.String())
		}
	}
	u.RawQuery = q.Encode()
	for len(q["left"]) > 0 && len(u.RawQuery) > maxQuery { // Better without them than not at all.
		q["left"] = q["left"][1:]
		u.RawQuery = q.Encode()
	}
	if n := len(u.String()); n > maxURL {
		return fmt.Errorf("URL with filter has %d bytes; at most %d are possible", n, maxURL)
	}
	return nil
}

func (o *Options) check() error {
	if n, ok := o.Start.LastLines(); ok && n < 0 {
		return fmt.Errorf("last lines %d must not be negative", n)
	}
	if o.Attempts < 0 || o.Queue < 0 || o.HandshakeTimeout < 0 {
		return errors.New("attempts, queue and handshake timeout must not be negative")
	}
	if err := wire.CheckFilter(o.Filter); err != nil {
		return err
	}
	return nil
}
