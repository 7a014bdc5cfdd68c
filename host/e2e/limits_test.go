package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/wire"
)

// limited is a front door with one limit set low, over one log.
type limited struct {
	t              *testing.T
	log, addr, ops string
}

func newLimited(t *testing.T, flags ...string) *limited {
	t.Helper()
	dir := t.TempDir()
	l := &limited{t: t, log: filepath.Join(dir, "app.log")}
	appendTo(t, l.log, "one\ntwo\n")
	l.addr, l.ops = operated(t, dir, flags...)
	return l
}

// counted waits until a metric has a value.
func (l *limited) counted(series string, want int) {
	l.t.Helper()
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\d+)$`)
	eventually(l.t, fmt.Sprintf("%s is %d", series, want), func() bool {
		found := line.FindStringSubmatch(scrape(l.t, l.ops))
		if found == nil {
			l.t.Fatalf("there is no %s", series)
		}
		n, _ := strconv.Atoi(found[1])
		return n == want
	})
}

// open asks for the log over WebSocket and returns the answer; the connection is nil if that is no stream.
func (l *limited) open(query, protocol string, header http.Header) (*websocket.Conn, *http.Response) {
	l.t.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience}
	if protocol != "" {
		d.Subprotocols = []string{protocol}
	}
	c, r, err := d.DialContext(l.t.Context(), "ws://"+l.addr+l.log+query, header)
	if r == nil {
		l.t.Fatal(err)
	}
	r.Body.Close()
	if c != nil {
		l.t.Cleanup(func() { c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(patience))
	}
	return c, r
}

// goesOn checks that a viewer that was there all the time gets what is written now.
func (l *limited) goesOn(c *websocket.Conn) {
	l.t.Helper()
	appendTo(l.t, l.log, "now\n")
	if _, err := text(l.t, c, "now\n"); err != nil {
		l.t.Errorf("who was there before: %v", err)
	}
}

// refused checks the answer to one too many.
func (l *limited) refused(r *http.Response, status int) {
	l.t.Helper()
	if after, err := strconv.Atoi(r.Header.Get("Retry-After")); r.StatusCode != status || err != nil || after < 1 {
		l.t.Errorf("got %s, to come back after %q", r.Status, r.Header.Get("Retry-After"))
	}
}

// dial opens a bare connection.
func (l *limited) dial() net.Conn {
	l.t.Helper()
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// from are the headers of a viewer behind a proxy.
func from(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }

func TestLimit_MaxSessions_OneMoreIsToldToComeBack(t *testing.T) {
	l := newLimited(t, "--max-sessions", "2")
	first, _ := l.open("?tail=1", "", nil)
	second, _ := l.open("?tail=1", wire.Subprotocol, nil)
	_, r := l.open("?tail=1", "", nil)
	l.refused(r, http.StatusServiceUnavailable)
	l.counted(`livetail_refusals_total{reason="total",stage="limit"}`, 1)
	l.goesOn(first)
	second.Close()
	eventually(t, "there is room again", func() bool { c, _ := l.open("", "", nil); return c != nil })
}

func TestLimit_MaxSessionsPerAddress_OneMoreIsToldToComeBackAndOthersAreLetIn(t *testing.T) {
	l := newLimited(t, "--max-sessions-per-address", "1", "--trusted-proxy", "127.0.0.0/8")
	first, _ := l.open("?tail=1", "", from("203.0.113.7"))
	_, r := l.open("?tail=1", "", from("203.0.113.7"))
	l.refused(r, http.StatusTooManyRequests)
	l.counted(`livetail_refusals_total{reason="address",stage="limit"}`, 1)
	if c, r := l.open("?tail=1", "", from("203.0.113.8")); c == nil {
		t.Errorf("another address got %s", r.Status)
	}
	l.goesOn(first)
}

func TestLimit_SessionRateAndBurst_MoreAreToldToComeBackAndOthersAreLetIn(t *testing.T) {
	l := newLimited(t, "--session-rate", "0.01", "--session-burst", "3", "--trusted-proxy", "127.0.0.0/8")
	var first *websocket.Conn
	for range 3 {
		c, r := l.open("?tail=1", "", from("203.0.113.7"))
		if c == nil {
			t.Fatalf("within the burst: %s", r.Status)
		}
		first = c
	}
	for range 2 {
		_, r := l.open("?tail=1", "", from("203.0.113.7"))
		l.refused(r, http.StatusTooManyRequests)
	}
	l.counted(`livetail_refusals_total{reason="rate",stage="limit"}`, 2)
	if c, r := l.open("?tail=1", "", from("203.0.113.8")); c == nil {
		t.Errorf("another address got %s", r.Status)
	}
	l.goesOn(first)
}

// fill makes the log larger than what the system takes for a peer that does not read.
func (l *limited) fill() {
	l.t.Helper()
	appendTo(l.t, l.log, strings.Repeat(strings.Repeat("x", 1023)+"\n", 48<<10))
}

func TestLimit_MaxDownloads_OneMoreIsToldToComeBackUntilOneEnds(t *testing.T) {
	l := newLimited(t, "--max-downloads", "1")
	l.fill()
	viewer, _ := l.open("?tail=1&lines=0", "", nil)
	download := func() (*http.Response, net.Conn) {
		c := l.dial()
		fmt.Fprintf(c, "GET %s?download=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", l.log)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Body.Close() })
		return r, c
	}
	first, c := download()
	if first.StatusCode != http.StatusOK {
		t.Fatal(first.Status)
	}
	second, _ := download()
	l.refused(second, http.StatusServiceUnavailable)
	l.counted(`livetail_refusals_total{reason="downloads",stage="limit"}`, 1)
	l.goesOn(viewer) // Following is no download.
	c.Close()
	eventually(t, "another download is let in", func() bool { r, c := download(); c.Close(); return r.StatusCode == http.StatusOK })
}

func TestLimit_HandshakeTimeout_WhoDoesNotComeToThePointIsCutOff(t *testing.T) {
	const limit = 700 * time.Millisecond
	plain := newLimited(t, "--handshake-timeout", limit.String())
	cert, key := certificate(t)
	secure := newLimited(t, "--handshake-timeout", limit.String(), "--tls-cert", cert, "--tls-key", key)
	for _, c := range []struct {
		name  string
		at    *limited
		begin string
		drip  string // what is sent byte by byte after that, again and again
	}{
		{"says nothing", plain, "", ""},
		{"stops in the middle of the head", plain, "GET / HTTP/1.1\r\nHost: localh", ""},
		{"sends the head byte by byte", plain, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "x"},
		{"begins TLS and stops", secure, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""},
		{"sends TLS byte by byte", secure, "\x16\x03\x01\x3f\xff", "\x01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			conn := c.at.dial()
			_, _ = io.WriteString(conn, c.begin)
			ended := make(chan struct{})
			go func() { // Ends when the server cuts the connection.
				defer close(ended)
				_, _ = io.Copy(io.Discard, conn)
			}()
			drip := time.NewTicker(limit / 20)
			defer drip.Stop()
			for over := false; !over; {
				select {
				case <-ended:
					over = true
				case <-drip.C:
					_, _ = io.WriteString(conn, c.drip)
				}
			}
			if took := time.Since(begun); took < limit*9/10 || took > patience/2 {
				t.Errorf("it was cut off after %v", took)
			}
			if c.at == plain {
				if c, r := plain.open("", "", nil); c == nil {
					t.Errorf("who comes to the point gets %s", r.Status)
				}
			}
		})
	}
	plain.counted(`livetail_refusals_total{reason="handshake",stage="limit"}`, 3)
	secure.counted(`livetail_refusals_total{reason="handshake",stage="limit"}`, 2)
}

func TestLimit_IdleTimeout_ConnectionWithoutAnotherRequestIsClosed(t *testing.T) {
	l := newLimited(t, "--idle-timeout", "3s") // A busy machine may take its time between the two.
	c := l.dial()
	in := bufio.NewReader(c)
	var begun time.Time
	for range 2 {
		begun = time.Now()
		fmt.Fprint(c, "GET /-/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
	if took := time.Since(begun); took < 2900*time.Millisecond {
		t.Errorf("it was closed after %v", took)
	}
	l.counted("livetail_idle_connections_closed_total", 1)
}

func TestLimit_HeartbeatTimeout_ViewerThatNeverSaysAWordIsEnded(t *testing.T) {
	l := newLimited(t, "--heartbeat", "300ms", "--heartbeat-timeout", "300ms")
	c, _ := l.open("?tail=1", wire.Subprotocol, nil)
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, wire.CloseSilent.Code) {
				t.Errorf("got %v", err)
			}
			break
		}
	}
	l.counted(`livetail_client_disconnects_total{protocol="livetail.v1",reason="silent"}`, 1)
}

func TestLimit_MaxMessage_LongerOneEndsTheConnection(t *testing.T) {
	l := newLimited(t, "--max-message", "512")
	other, _ := l.open("?tail=1", "", nil)
	c, _ := l.open("?tail=1", wire.Subprotocol, nil)
	ping := func(length int) {
		message := `{"t":"ping","id":1`
		if err := c.WriteMessage(websocket.TextMessage, []byte(message+strings.Repeat(" ", length-len(message)-1)+"}")); err != nil {
			t.Fatal(err)
		}
	}
	ping(512)
	if _, err := text(t, c, `{"t":"pong","id":1}`); err != nil {
		t.Fatalf("a message of 512 bytes: %v", err)
	}
	ping(513)
	if _, err := text(t, c, ""); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("a message of 513 bytes: %v", err)
	}
	l.counted(`livetail_client_disconnects_total{protocol="livetail.v1",reason="too_big"}`, 1)
	l.goesOn(other)
}

func TestLimit_WriteTimeout_ViewerThatTakesNothingIsLetGo(t *testing.T) {
	l := newLimited(t, "--write-timeout", "1s", "--heartbeat", "1m")
	l.fill()
	c := l.dial()
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(c, "GET %s?tail=1&from=beginning HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", l.log)
	other, _ := l.open("?tail=1&lines=0", "", nil)
	l.counted(`livetail_client_disconnects_total{protocol="plain",reason="slow"}`, 1)
	l.goesOn(other)
}

func TestLimit_MaxFilterSteps_CostlierFilterIsRefused(t *testing.T) {
	l := newLimited(t, "--max-filter-steps", "20")
	c, _ := l.open("?tail=1&include=a%7B30%7D", wire.Subprotocol, nil)
	if said, err := text(t, c, ""); !websocket.IsCloseError(err, wire.CloseBad.Code) || !strings.Contains(said, "20 are allowed") {
		t.Errorf("in the URL: %v, %s", err, said)
	}
	l.counted(`livetail_refusals_total{reason="filter",stage="log"}`, 1)
	c, _ = l.open("?tail=1&include=o%2B", wire.Subprotocol, nil)
	for pattern, want := range map[string]string{"a{30}": `"id":1,"code":"bad_request","message":"The filter is too costly`, "a{3}": `{"t":"filtered","id":1}`} {
		if err := c.WriteMessage(websocket.TextMessage, []byte(`{"t":"filter","id":1,"include":["`+pattern+`"]}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := text(t, c, want); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	l.counted(`livetail_refusals_total{reason="filter",stage="request"}`, 1)
}

func TestLimit_MaxPageLines_LongerPageIsRefused(t *testing.T) {
	l := newLimited(t, "--max-page-lines", "5")
	appendTo(t, l.log, strings.Repeat("more\n", 10))
	c, _ := l.open("?tail=1", wire.Subprotocol, nil)
	said, err := text(t, c, `"t":"lines"`)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`"end":"([^"]+)"`).FindStringSubmatch(said)
	if at == nil {
		t.Fatalf("no position in %s", said)
	}
	for lines, want := range map[int]string{6: `"id":1,"code":"bad_request","message":"lines must be from 1 to 5."`, 5: `{"t":"page","id":1,`} {
		if err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"t":"read","id":1,"at":"%s","backward":true,"lines":%d}`, at[1], lines)); err != nil {
			t.Fatal(err)
		}
		if _, err := text(t, c, want); err != nil {
			t.Errorf("%d lines: %v", lines, err)
		}
	}
	l.counted(`livetail_refusals_total{reason="page",stage="request"}`, 1)
}

// certificate makes files of a certificate for this machine, and of its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames: []string{proxyName}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
