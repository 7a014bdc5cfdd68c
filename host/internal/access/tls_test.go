package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.pem, _ = a.make(t, template)
	block, _ := pem.Decode([]byte(a.pem))
	var err error
	if a.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	return a
}

// make signs template; the first one with its own key.
func (a *authority) make(t *testing.T, template *x509.Certificate) (cert, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		a.key, parent, signer = key, template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes}))
}

func (a *authority) leaf(t *testing.T, serial int64, notAfter time.Time) (cert, key string) {
	return a.make(t, &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "leaf"}, NotAfter: notAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
}

// server serves with TLS of the files in dir.
type server struct {
	tls  *TLS
	addr string
	dir  string
}

func (s *server) file(name string) string { return filepath.Join(s.dir, name) }

func newServer(t *testing.T, a *authority, clientCA string) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	cert, key := a.leaf(t, 10, time.Now().Add(time.Hour))
	write(t, s.file("cert"), cert)
	write(t, s.file("key"), key)
	o := TLSOptions{CertFile: s.file("cert"), KeyFile: s.file("key"), Poll: time.Millisecond}
	if clientCA != "" {
		o.ClientCAFile = s.file("ca")
		write(t, s.file("ca"), clientCA)
	}
	var err error
	if s.tls, err = NewTLS(o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }), TLSConfig: s.tls.Config(),
		ErrorLog: nil}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.ServeTLS(l, "", "")
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return s
}

// get makes one request and returns the answer and the server's certificate.
func (s *server) get(c *tls.Config, http2 bool) (string, *x509.Certificate, error) {
	tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: http2}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get("https://" + s.addr)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), resp.TLS.PeerCertificates[0], err
}

func (a *authority) client() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool}
}

func TestTLS_ServesHTTP1AndHTTP2AndNothingOlderThanTLS12(t *testing.T) {
	a := newAuthority(t)
	s := newServer(t, a, "")
	for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		if got, _, err := s.get(a.client(), http2); err != nil || got != proto {
			t.Errorf("got %q, %v, want %s", got, err, proto)
		}
	}
	c := a.client()
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, _, err := s.get(c, false); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestTLS_UsesANewCertificateForNewConnections(t *testing.T) {
	a := newAuthority(t)
	s := newServer(t, a, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.tls.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	cert, key := a.leaf(t, 20, time.Now().Add(2*time.Hour))
	write(t, s.file("cert"), cert) // Between these two, the files do not fit together.
	if _, leaf, err := s.get(a.client(), false); err != nil || leaf.SerialNumber.Int64() != 10 {
		t.Fatalf("with half of the change: %v", err)
	}
	write(t, s.file("key"), key)
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, leaf, err := s.get(a.client(), false)
		if err != nil {
			t.Fatal(err)
		}
		if leaf.SerialNumber.Int64() == 20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the old certificate is still in use")
		}
	}
	if left := time.Until(s.tls.NotAfter()); left < time.Hour {
		t.Errorf("NotAfter is in %s", left)
	}
}

func TestTLS_AsksForAClientCertificateOfTheAuthority(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	s := newServer(t, a, a.pem)
	with := func(by *authority, notAfter time.Time) *tls.Config {
		cert, key := by.leaf(t, 30, notAfter)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		c := a.client()
		// Sent whatever the server says that it would take.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return c
	}
	soon := time.Now().Add(time.Hour)
	if _, _, err := s.get(with(a, soon), false); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]*tls.Config{"none": a.client(), "of a stranger": with(stranger, soon), "that ended": with(a, time.Now().Add(-time.Minute))} {
		if _, _, err := s.get(c, false); err == nil {
			t.Errorf("let in with a certificate: %s", name)
		}
	}
	// When the authority changes, no old session is resumed.
	c := with(a, soon)
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	if _, _, err := s.get(c, false); err != nil {
		t.Error(err)
	}
	write(t, s.file("ca"), stranger.pem)
	if err := s.tls.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.get(c, false); err == nil {
		t.Error("let in with a certificate of the authority from before")
	}
}

func TestNewTLS_SaysWhichFileIsWrong(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	cert, key := a.leaf(t, 10, time.Now().Add(time.Hour))
	old, oldKey := a.leaf(t, 11, time.Now().Add(-time.Hour))
	_, otherKey := a.leaf(t, 12, time.Now().Add(time.Hour))
	for name, content := range map[string]string{"cert": cert, "key": key, "old": old, "oldKey": oldKey, "otherKey": otherKey, "rubbish": "rubbish"} {
		write(t, at(name), content)
	}
	for _, c := range []struct{ name, cert, key, ca, want string }{
		{"key of another", "cert", "otherKey", "", "do not make a pair"},
		{"no certificate", "rubbish", "key", "", "do not make a pair"},
		{"ended", "old", "oldKey", "", "ended on"},
		{"missing", "nothing", "key", "", "no such file"},
		{"no authority", "cert", "key", "rubbish", "rubbish holds no certificate"},
	} {
		o := TLSOptions{CertFile: at(c.cert), KeyFile: at(c.key)}
		if c.ca != "" {
			o.ClientCAFile = at(c.ca)
		}
		if _, err := NewTLS(o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := NewTLS(TLSOptions{CertFile: at("cert")}); err == nil {
		t.Error("a certificate without a key was taken")
	}
}

func TestTLS_ReloadKeepsTheOldAfterAMistake(t *testing.T) {
	a := newAuthority(t)
	s := newServer(t, a, "")
	var said []error
	s.tls.files.report = func(err error) { said = append(said, err) }
	write(t, s.file("cert"), "rubbish")
	err := s.tls.Reload()
	if err == nil || len(said) != 1 || !errors.Is(said[0], err) {
		t.Errorf("got %v, said %v", err, said)
	}
	if _, leaf, err := s.get(a.client(), false); err != nil || leaf.SerialNumber.Int64() != 10 {
		t.Errorf("after a mistake: %v", err)
	}
}
