package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Real proxies with the files of docs/ stand before a real front door, and viewers of all kinds come through them.

const (
	proxyUser, proxyPassword = "ann", "correct horse"
	proxyName                = "logs.example.org"
	// proxySilence is longer than a proxy needs to see an idle connection where its time for that were wrong by a unit, and long enough for several
	// heartbeats of proxyHeartbeat.
	proxySilence, proxyHeartbeat = 3 * time.Second, "1s"
)

// through is how viewers get to a proxy: by a name that only they know the address of.
type through struct {
	addr  string
	trust *tls.Config
}

// behind starts a front door as the head of a proxy's file says, and returns it with a log.
func behind(t *testing.T, file string) (addr, log string) {
	t.Helper()
	serveLine := regexp.MustCompile(`(?m)^#   livetail serve (.*) /var/log$`).FindStringSubmatch(docs(t, file))
	if serveLine == nil {
		t.Fatalf("%s does not say how livetail is started", file)
	}
	dir := t.TempDir()
	log = filepath.Join(dir, "app.log")
	appendTo(t, log, "first\n")
	addr, _ = serve(t, append(strings.Fields(serveLine[1]), "--heartbeat", proxyHeartbeat, dir)...)
	return addr, log
}

func (p through) header() http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(proxyUser+":"+proxyPassword))}}
}

func (p through) dial(t *testing.T, path, origin string) (*websocket.Conn, error) {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: p.trust.Clone(), HandshakeTimeout: patience, NetDial: func(string, string) (net.Conn, error) { return net.Dial("tcp", p.addr) }}
	h := p.header()
	if origin != "" {
		h.Set("Origin", origin)
	}
	c, resp, err := d.DialContext(t.Context(), "wss://"+proxyName+path, h)
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", err, resp)
	}
	t.Cleanup(func() { c.Close() })
	return c, nil
}

// get asks as curl does. The caller closes the body.
func (p through) get(t *testing.T, path string, header http.Header) *http.Response {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: p.trust.Clone(), ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, p.addr)
		}}
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+proxyName+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// check lets viewers of all kinds come through: a login, a page's WebSocket that is silent but for heartbeats, curl, and Loki's live tail.
func (p through) check(t *testing.T, log string) {
	t.Helper()
	if resp := p.get(t, "/", http.Header{}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a password: %s", resp.Status)
	}
	page := p.header()
	page.Set("Accept", "text/html")
	resp := p.get(t, log, page)
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "<html") {
		t.Errorf("the page: %s %.200s", resp.Status, body)
	}

	if _, err := p.dial(t, log+"?tail=1", "https://elsewhere.example.org"); err == nil {
		t.Error("a page of another site was let in")
	}
	c, err := p.dial(t, log+"?tail=1", "https://"+proxyName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := text(t, c, "first"); err != nil {
		t.Fatal(err)
	}
	tail, err := p.dial(t, "/loki/api/v1/tail?"+url.Values{"query": {`{job="app"}`}, "start": {fmt.Sprint(time.Now().UnixNano())}}.Encode(), "")
	if err != nil {
		t.Fatal(err)
	}
	curl := p.get(t, log+"?tail=1", p.header())
	defer curl.Body.Close()
	lines := bufio.NewReader(curl.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "first\n" {
		t.Fatalf("curl: %q %v", line, err)
	}

	quiet := time.AfterFunc(proxySilence, func() { appendTo(t, log, "second\n") }) // Until then, nothing but heartbeats.
	defer quiet.Stop()
	if _, err := text(t, c, "second"); err != nil {
		t.Errorf("the WebSocket after a silence: %v", err)
	}
	if line, err := lines.ReadString('\n'); err != nil || line != "second\n" {
		t.Errorf("curl after a silence: %q %v", line, err)
	}
	for got := ""; !strings.Contains(got, "second"); {
		_ = tail.SetReadDeadline(time.Now().Add(patience))
		_, message, err := tail.ReadMessage()
		if err != nil {
			t.Fatalf("the live tail after a silence: %v", err)
		}
		got += string(message)
	}
}

// trusting returns a configuration that trusts the certificate in a file.
func trusting(t *testing.T, cert string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool}
}

// nginx starts one with what stands in its http block, which has the place of its address in it, and returns the address.
func nginx(t *testing.T, program, text, listen string) (addr string) {
	t.Helper()
	dir := t.TempDir()
	addr = free(t)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // The folders of tests are root's alone.
	}
	conf := put(t, dir, "nginx.conf", user+"daemon off; master_process off; error_log stderr; pid "+dir+"/nginx.pid;\nevents {}\nhttp {\naccess_log off; client_body_temp_path "+dir+
		"/a; proxy_temp_path "+dir+"/b; fastcgi_temp_path "+dir+"/c; uwsgi_temp_path "+dir+"/d; scgi_temp_path "+dir+"/e;\n"+strings.Replace(text, listen, "listen "+addr, 1)+"\n}\n")
	startCommand(t, exec.Command(program, "-p", dir, "-c", conf))
	listens(t, addr)
	return addr
}

func listens(t *testing.T, addr string) {
	t.Helper()
	eventually(t, "somebody listens on "+addr, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func TestDocs_Nginx_ViewersOfAllKindsComeThrough(t *testing.T) {
	program := installed(t, "nginx", "nginx")
	door, log := behind(t, "proxy/nginx.conf")
	cert, key := certificate(t)
	passwords := put(t, t.TempDir(), "htpasswd", proxyUser+":{PLAIN}"+proxyPassword+"\n")
	text := strings.NewReplacer("/etc/ssl/logs.example.org.pem", cert, "/etc/ssl/logs.example.org.key", key, "/etc/nginx/livetail.htpasswd", passwords,
		"127.0.0.1:8765", door).Replace(docs(t, "proxy/nginx.conf"))
	p := through{nginx(t, program, strings.Replace(text, "listen 443", "listen 443 ", 1), "listen 443 "), trusting(t, cert)}
	p.check(t, log)
}

func TestDocs_Caddy_ViewersOfAllKindsComeThrough(t *testing.T) {
	program := installed(t, "caddy", "caddy")
	door, log := behind(t, "proxy/Caddyfile")
	cert, key := certificate(t)
	hash, err := exec.CommandContext(t.Context(), program, "hash-password", "--plaintext", proxyPassword).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), free(t)
	_, port, _ := net.SplitHostPort(addr)
	text := strings.NewReplacer("PUT_THE_HASH_HERE", strings.TrimSpace(string(hash)), "127.0.0.1:8765", door,
		"\n"+proxyName+" {\n", "\n{\n\tadmin off\n\tauto_https off\n}\nhttps://"+proxyName+":"+port+" {\n\tbind 127.0.0.1\n\ttls "+cert+" "+key+"\n").
		Replace(docs(t, "proxy/Caddyfile"))
	cmd := exec.Command(program, "run", "--adapter", "caddyfile", "--config", put(t, dir, "Caddyfile", text))
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	startCommand(t, cmd)
	listens(t, addr)
	through{addr, trusting(t, cert)}.check(t, log)
}

// Grafana's live tail: a browser, nginx with the settings of observability.md, Grafana's proxy, which is imitated, and a real front door.
func TestDocs_NginxBeforeGrafana_PassesTheLiveTail(t *testing.T) {
	program := installed(t, "nginx", "nginx")
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "first\n")
	door, _ := serve(t, dir)
	const source = "/api/datasources/proxy/uid/livetail"
	target := &url.URL{Scheme: "http", Host: door}
	grafana := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, source)
		r.SetURL(target)
		for _, h := range []string{"Origin", "Referer", "Cookie"} {
			r.Out.Header.Del(h)
		}
		r.Out.Header.Set("User-Agent", "Grafana/12.1.0")
	}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- grafana.Serve(l) }() // Ends with Close.
	defer func() { grafana.Close(); <-served }()

	block := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(docs(t, "observability.md"))
	if block == nil {
		t.Fatal("observability.md has no settings for nginx")
	}
	text := strings.ReplaceAll(block[1], "http://127.0.0.1:3000", "http://"+l.Addr().String())
	addr := nginx(t, program, strings.Replace(text, "# …", "listen here;", 1), "listen here")
	h := http.Header{"Origin": {"http://" + addr}, "Cookie": {"grafana_session=x"}}
	path := source + "/loki/api/v1/tail?" + url.Values{"query": {`{job="app"}`}}.Encode()
	c, resp, err := websocket.DefaultDialer.Dial("ws://"+addr+path, h)
	if err != nil {
		t.Fatalf("%v (%v)", err, resp)
	}
	defer c.Close()
	quiet := time.AfterFunc(proxySilence, func() { appendTo(t, log, "second\n") })
	defer quiet.Stop()
	for got := ""; !strings.Contains(got, "second"); {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, message, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		got += string(message)
	}
	// Without the settings, nginx does not pass it: they are what the test is about.
	bare := nginx(t, program, "server { listen here; location / { proxy_pass http://"+l.Addr().String()+"; } }", "listen here")
	if c, _, err := websocket.DefaultDialer.Dial("ws://"+bare+path, h); err == nil {
		c.Close()
		t.Error("it works without the settings")
	}
}
