package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const maxPEM = 1 << 20 // bytes of a certificate, key or CA file

// TLSOptions name the files of a listener with TLS.
type TLSOptions struct {
	// CertFile holds the certificate and those between it and its root, KeyFile the key; both PEM. Needed.
	CertFile, KeyFile string
	// ClientCAFile holds the authorities, in PEM, of which a client must show a certificate; empty: clients need none.
	ClientCAFile string
	// Poll is the time between two looks at the files; 0 means 2 s.
	Poll time.Duration
	// OnReload is told about each reading of the files, the first one, within NewTLS, included: when the certificate ends, or why the old
	// one stays. It must return soon. May be nil.
	OnReload func(notAfter time.Time, err error)
}

// TLS is the settings of a listener, whose files may change while it runs: new connections use the new content. It is safe for concurrent
// use.
type TLS struct {
	poll    time.Duration
	files   *files
	current atomic.Pointer[tls.Config]
}

// NewTLS reads the files; every error names the one that is wrong.
func NewTLS(o TLSOptions) (*TLS, error) {
	if o.CertFile == "" || o.KeyFile == "" {
		return nil, errors.New("tls: a certificate and a key are needed, both")
	}
	t := &TLS{poll: o.Poll}
	if t.poll <= 0 {
		t.poll = defaultPoll
	}
	names := []string{o.CertFile, o.KeyFile}
	if o.ClientCAFile != "" {
		names = append(names, o.ClientCAFile)
	}
	t.files = &files{names: names, limit: maxPEM, apply: func(contents [][]byte) error {
		c, err := tlsConfig(o, contents)
		if err == nil {
			t.current.Store(c)
		}
		return err
	}}
	if err := t.files.load(); err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	if o.OnReload != nil {
		t.files.report = func(err error) { o.OnReload(t.NotAfter(), err) }
		t.files.report(nil)
	}
	return t, nil
}

// Config is for the listener. It asks for the newest content at each handshake.
func (t *TLS) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: nextProtos,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return t.current.Load(), nil
		},
	}
}

// nextProtos: WebSockets need HTTP/1.1, for which browsers make a connection of its own; the rest is better off with HTTP/2.
var nextProtos = []string{"h2", "http/1.1"}

// NotAfter is when the certificate in use ends.
func (t *TLS) NotAfter() time.Time { return t.current.Load().Certificates[0].Leaf.NotAfter }

// Run watches the files until ctx ends, and returns nil.
func (t *TLS) Run(ctx context.Context) error { return t.files.run(ctx, t.poll) }

// Reload reads the files now. After an error the old content stays in use.
func (t *TLS) Reload() error { return t.files.load() }

// tlsConfig makes the settings of the contents of certificate, key and perhaps authorities.
func tlsConfig(o TLSOptions, contents [][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, fmt.Errorf("%s and %s do not make a pair: %w", o.CertFile, o.KeyFile, err)
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("the certificate in %s ended on %s", o.CertFile, end.Format(time.RFC3339))
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: nextProtos, Certificates: []tls.Certificate{pair}}
	if len(contents) > 2 {
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(contents[2]) {
			return nil, fmt.Errorf("%s holds no certificate", o.ClientCAFile)
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}
