package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// answerTime bounds a request to the front door that does not stream, and maxAnswer what is read of its answer, in bytes.
	answerTime = 10 * time.Second
	maxAnswer  = 8 << 20
	// idleTime is how long a connection is kept for another request.
	idleTime = time.Minute
	// defaultLines is how many last lines a stream begins with and a query returns, and maxLines the most that can be asked for.
	defaultLines, maxLines = 1000, 10_000
)

// source is one configured data source: a front door and how to get in. It is safe for concurrent use.
type source struct {
	base   *url.URL
	header http.Header
	tls    *tls.Config // nil means the defaults
	web    *http.Client
	zone   *time.Location // of lines whose time names none
}

var (
	_ backend.CheckHealthHandler  = (*source)(nil)
	_ backend.QueryDataHandler    = (*source)(nil)
	_ backend.StreamHandler       = (*source)(nil)
	_ backend.CallResourceHandler = (*source)(nil)
)

// newSource makes a source of what was configured in Grafana: the URL, how its TLS is trusted, and either a name and password or a token.
func newSource(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	u, err := url.Parse(strings.TrimRight(s.URL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the URL %q is not of the form http://name[:port]", s.URL)
	}
	var more struct{ TimeZone string }
	if len(s.JSONData) == 0 {
		s.JSONData = json.RawMessage("{}")
	}
	if err := json.Unmarshal(s.JSONData, &more); err != nil {
		return nil, fmt.Errorf("the settings are no JSON: %w", err)
	}
	options, err := s.HTTPClientOptions(ctx) // The settings that all data sources have: TLS, headers.
	if err != nil {
		return nil, fmt.Errorf("the settings of the connection: %w", err)
	}
	src := &source{base: u, header: http.Header{}, zone: time.Local}
	for name, values := range options.Header {
		src.header[http.CanonicalHeaderKey(name)] = values
	}
	if src.tls, err = httpclient.GetTLSConfig(options); err != nil {
		return nil, fmt.Errorf("the settings of TLS: %w", err)
	}
	src.web = &http.Client{Transport: &http.Transport{TLSClientConfig: src.tls.Clone(), Proxy: http.ProxyFromEnvironment, IdleConnTimeout: idleTime}}
	if more.TimeZone != "" {
		if src.zone, err = linetime.ParseZone(more.TimeZone); err != nil {
			return nil, fmt.Errorf("time zone: %w", err)
		}
	}
	switch token := s.DecryptedSecureJSONData["token"]; {
	case token != "":
		src.header.Set("Authorization", "Bearer "+token)
	case s.BasicAuthEnabled:
		pair := s.BasicAuthUser + ":" + s.DecryptedSecureJSONData["basicAuthPassword"]
		src.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return src, nil
}

// Dispose implements [instancemgmt.InstanceDisposer]: another source takes the place of s, with other settings.
func (s *source) Dispose() { s.web.CloseIdleConnections() }

// query is what the query editor says.
type query struct {
	Log     string `json:"log"`
	Include string `json:"include,omitempty"`
	Exclude string `json:"exclude,omitempty"`
	Lines   int    `json:"lines,omitempty"`
}

func parseQuery(raw json.RawMessage) (q query, err error) {
	if err := json.Unmarshal(raw, &q); err != nil {
		return q, fmt.Errorf("the query is no JSON: %w", err)
	}
	switch {
	case !strings.HasPrefix(q.Log, "/") || strings.HasSuffix(q.Log, "/"):
		return q, fmt.Errorf("%q is not the path of a log: it begins with a slash, as /var/log/app.log does", q.Log)
	case q.Lines < 0 || q.Lines > maxLines:
		return q, fmt.Errorf("%d lines are not between 1 and %d", q.Lines, maxLines)
	case q.Lines == 0:
		q.Lines = defaultLines
	}
	return q, nil
}

// options are those of a client for q.
func (s *source) options(q query) client.Options {
	o := client.Options{Header: s.header.Clone(), TLS: s.tls.Clone(), Start: tail.StartAtLastLines(int64(q.Lines))}
	if q.Include != "" {
		o.Filter.Include = []string{q.Include}
	}
	if q.Exclude != "" {
		o.Filter.Exclude = []string{q.Exclude}
	}
	return o
}

// address is the URL of a log.
func (s *source) address(log string) string { return s.base.JoinPath(log).String() }

// get asks the front door for something that is not a stream.
func (s *source) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = s.header.Clone()
	resp, err := s.web.Do(req)
	if err != nil {
		return nil, fmt.Errorf("livetail cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of livetail: %w", err)
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, errors.New("livetail refuses the credentials")
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("livetail answers %s: %.200s", resp.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}

// CheckHealth implements [backend.CheckHealthHandler]: it is the button Save & test.
func (s *source) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	body, err := s.get(ctx, "/loki/api/v1/status/buildinfo")
	var info struct{ Revision string }
	if err == nil {
		if json.Unmarshal(body, &info) != nil || !strings.HasPrefix(info.Revision, "livetail-") {
			err = errors.New("something else than livetail answers at this URL")
		}
	}
	if err == nil {
		_, err = s.get(ctx, "/ready")
	}
	if err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: err.Error()}, nil //nolint:nilerr // What is wrong is the answer.
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: strings.TrimPrefix(info.Revision, "livetail-") + ": livetail is there and ready"}, nil
}

// CallResource implements [backend.CallResourceHandler]: logs is the list of logs, for the query editor.
func (s *source) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	answer := func(status int, body []byte) error {
		return sender.Send(&backend.CallResourceResponse{Status: status, Headers: map[string][]string{"Content-Type": {"application/json"}}, Body: body})
	}
	if req.Path != "logs" || req.Method != http.MethodGet {
		return answer(http.StatusNotFound, []byte(`{"message":"there is only GET logs"}`))
	}
	body, err := s.get(ctx, "/loki/api/v1/label/filename/values")
	var list struct{ Data []string }
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		text, _ := json.Marshal(map[string]string{"message": err.Error()}) // Strings can be marshalled.
		return answer(http.StatusBadGateway, text)
	}
	if list.Data == nil {
		list.Data = []string{}
	}
	text, err := json.Marshal(list.Data)
	if err != nil {
		return err
	}
	return answer(http.StatusOK, text)
}
