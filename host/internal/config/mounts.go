package config

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/livetail/livetail/host/internal/mount"
)

// Mount is a plugin at a prefix.
type Mount struct {
	Prefix string
	// Path is the executable; empty only at [mount.Root], where livetail starts itself.
	Path   string
	Args   []string
	SHA256 string
}

// readMounts makes Mounts of what was said about plugins. The one at [mount.Root] comes first, and is always there.
func (c *Config) readMounts() error {
	c.Mounts = []Mount{{Prefix: mount.Root}}
	for _, said := range c.Plugins {
		prefix, path, ok := strings.Cut(said, "=")
		if !ok {
			prefix, path = mount.Root, said
		}
		if err := mount.CheckPrefix(prefix); err != nil {
			return &Error{"plugin", err.Error()}
		}
		if path == "" {
			return &Error{"plugin", fmt.Sprintf("%q names no executable", said)}
		}
		switch m := c.mount(prefix); {
		case m == nil:
			c.Mounts = append(c.Mounts, Mount{Prefix: prefix, Path: path})
		case m.Path != "":
			return &Error{"plugin", fmt.Sprintf("two are said for %s", prefix)}
		default:
			m.Path = path
		}
	}
	for _, said := range c.PluginArgs {
		m, arg := c.about(said)
		if m.Path == "" {
			return &Error{"plugin-arg", fmt.Sprintf("%q is for a plugin that no --plugin names", said)}
		}
		m.Args = append(m.Args, arg)
	}
	for _, said := range c.PluginSHA256 {
		m, sum := c.about(said)
		if m.Path == "" {
			return &Error{"plugin-sha256", fmt.Sprintf("%q is for a plugin that no --plugin names", said)}
		}
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
			return &Error{"plugin-sha256", fmt.Sprintf("%q is not 64 hexadecimal digits", sum)}
		}
		m.SHA256 = sum
	}
	return nil
}

// mount returns what is mounted at prefix, or nil.
func (c *Config) mount(prefix string) *Mount {
	i := slices.IndexFunc(c.Mounts, func(m Mount) bool { return m.Prefix == prefix })
	if i < 0 {
		return nil
	}
	return &c.Mounts[i]
}

// about takes the prefix off a value, if it is one at which a plugin is mounted; otherwise the value is about the plugin at [mount.Root].
func (c *Config) about(said string) (m *Mount, value string) {
	if prefix, value, ok := strings.Cut(said, "="); ok {
		if m := c.mount(prefix); m != nil {
			return m, value
		}
	}
	return c.mount(mount.Root), said
}
