package access

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/livetail/livetail/plugin/tail"
)

// Bounds of the credentials file.
const (
	maxCredentialsFile = 1 << 20 // bytes
	maxCredentials     = 10_000
	maxRoots           = 100
	// maxName leaves room for a dot and 26 random characters in the 72 bytes that bcrypt looks at.
	maxName = 40
)

// credential is one line of the file. Apart from verified it never changes.
type credential struct {
	name  string
	hash  secretHash
	roots []string // clean absolute paths; nil means everything
	// revoked is closed when the line is gone or another.
	revoked chan struct{}
	// verified is the keyed digest of the secret that the hash was once found to be right for, so that this is worked out once.
	verified atomic.Pointer[[sha256.Size]byte]
}

// remembers reports in constant time whether the secret of this digest was found right before.
func (c *credential) remembers(digest *[sha256.Size]byte) bool {
	known := c.verified.Load()
	return known != nil && subtle.ConstantTimeCompare(known[:], digest[:]) == 1
}

func (c *credential) sameAs(o *credential) bool {
	return c.name == o.name && c.hash.text == o.hash.text && slices.Equal(c.roots, o.roots)
}

// credentials is the content of one version of the file.
type credentials struct {
	byName map[string]*credential
	// decoy is the dearest hash there is. It is compared with when a name is unknown, so that this takes no less time.
	decoy secretHash
}

// replaces takes over from old what has not changed, and revokes the rest of old.
func (s *credentials) replaces(old *credentials) {
	if old == nil {
		return
	}
	for name, was := range old.byName {
		if is, ok := s.byName[name]; ok && is.sameAs(was) {
			s.byName[name] = was
		} else {
			close(was.revoked)
		}
	}
}

// parseCredentials reads lines of the form name:HASH[:root[,root]]. Empty lines and lines that begin with # are skipped. Errors name the
// line by its number and do not repeat it.
func parseCredentials(data []byte) (*credentials, error) {
	s := &credentials{byName: make(map[string]*credential)}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\uFEFF"))) {
		number++
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		c, err := parseCredential(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if _, twice := s.byName[c.name]; twice {
			return nil, fmt.Errorf("line %d: the name %s stands in an earlier line, too", number, c.name)
		}
		if len(s.byName) == maxCredentials {
			return nil, fmt.Errorf("line %d: there are more than %d credentials", number, maxCredentials)
		}
		s.byName[c.name] = c
		if c.hash.cost > s.decoy.cost {
			s.decoy = c.hash
		}
	}
	if len(s.byName) == 0 {
		return nil, errors.New("holds no credentials: livetail token NAME makes a line")
	}
	return s, nil
}

func parseCredential(line string) (*credential, error) {
	name, rest, ok := strings.Cut(line, ":")
	if !ok {
		return nil, errors.New("is not of the form name:HASH[:root[,root]]")
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, list, limited := strings.Cut(rest, ":")
	hash, err := parseHash(text)
	if err != nil {
		return nil, err
	}
	c := &credential{name: name, hash: hash, revoked: make(chan struct{})}
	if limited {
		c.roots, err = cleanRoots(strings.Split(list, ","))
	}
	return c, err
}

func checkName(name string) error {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	if name == "" || len(name) > maxName || strings.Trim(name, alphabet) != "" {
		return fmt.Errorf("the name must be 1 to %d letters, digits, _ or -", maxName)
	}
	return nil
}

func cleanRoots(list []string) ([]string, error) {
	if len(list) > maxRoots {
		return nil, fmt.Errorf("there are more than %d roots", maxRoots)
	}
	roots := make([]string, 0, len(list))
	for i, root := range list {
		if !path.IsAbs(root) || len(root) > tail.MaxPath || strings.ContainsAny(root, "\x00\r\n,") {
			return nil, fmt.Errorf("root %d is not an absolute path without commas", i+1)
		}
		roots = append(roots, path.Clean(root))
	}
	return roots, nil
}
