package httpd

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/host/internal/ws"
	"github.com/livetail/livetail/plugin/tail"
)

// aboutAnswer is the answer of /-/info.
type aboutAnswer struct {
	Server string `json:"server"`
	// Plugin is that of the first mount, which is the one at / if there is one.
	Plugin string   `json:"plugin"`
	Roots  []string `json:"roots"`
	// Capabilities are those that all plugins have.
	Capabilities []string      `json:"capabilities"`
	Protocols    []string      `json:"protocols"`
	Plugins      []aboutPlugin `json:"plugins"`
}

// aboutPlugin is one plugin at its place.
type aboutPlugin struct {
	Prefix string `json:"prefix"`
	// Plugin is empty while it does not answer.
	Plugin       string   `json:"plugin"`
	Capabilities []string `json:"capabilities"`
}

// about answers with what this server is.
func (s *Server) about(w http.ResponseWriter, r *http.Request, who access.Identity) {
	a := aboutAnswer{Server: s.o.Name, Roots: []string{}, Protocols: []string{"plain", wire.Subprotocol}, Plugins: []aboutPlugin{}}
	var failed error
	answered := 0
	for _, m := range s.o.Mounts.All() {
		info, err := s.sources[m].info.get(r.Context())
		roots := slices.DeleteFunc(m.Roots(info), func(root string) bool { return !who.MayFollow(root) })
		if len(roots) == 0 && !who.MayFollow(m.Prefix) && len(s.sources) > 1 {
			continue // Not a word about what is nothing to them.
		}
		p := aboutPlugin{Prefix: m.Prefix, Capabilities: []string{}}
		if err != nil {
			failed = err
		} else {
			p.Plugin = strings.TrimSpace(info.Name + " " + info.Version)
			p.Capabilities = append(p.Capabilities, info.Capabilities...)
			if answered++; answered == 1 {
				a.Plugin, a.Capabilities = p.Plugin, slices.Clone(p.Capabilities)
			}
			a.Capabilities = slices.DeleteFunc(a.Capabilities, func(c string) bool { return !slices.Contains(p.Capabilities, c) })
		}
		a.Roots = append(a.Roots, roots...)
		a.Plugins = append(a.Plugins, p)
	}
	if answered == 0 && failed != nil {
		s.refuse(w, failed)
		return
	}
	if a.Capabilities == nil {
		a.Capabilities = []string{}
	}
	answerJSON(w, a)
}

// source is a mount as the protocols need it.
type source struct {
	ws.Source
	info infoCache
}

func newSource(m *mount.Mount) *source {
	s := &source{info: infoCache{tailer: m.Tailer}}
	s.Source = ws.Source{Hub: m.Hub, Tailer: m.Tailer, Capabilities: s.info.capabilities}
	return s
}

// infoCache keeps what the tailer says of itself for a while.
type infoCache struct {
	tailer tail.Tailer

	mu   sync.Mutex // guards the rest
	info tail.Info
	at   time.Time // when it was asked; zero: never with success
}

const (
	infoLife = 10 * time.Second
	infoTime = time.Second
)

// capabilities returns those of the tailer, as far as it says so in time, or said so before.
func (c *infoCache) capabilities() []string {
	info, err := c.get(context.Background())
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.info.Capabilities
	}
	return info.Capabilities
}

// forget has the tailer asked anew.
func (c *infoCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

func (c *infoCache) get(ctx context.Context) (tail.Info, error) {
	c.mu.Lock()
	info, fresh := c.info, !c.at.IsZero() && time.Since(c.at) < infoLife
	c.mu.Unlock()
	if fresh {
		return info, nil
	}
	ctx, cancel := context.WithTimeout(ctx, infoTime)
	defer cancel()
	info, err := c.tailer.Info(ctx)
	if err != nil {
		return tail.Info{}, fmt.Errorf("ask the plugin who it is: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info, c.at = info, time.Now()
	return info, nil
}
