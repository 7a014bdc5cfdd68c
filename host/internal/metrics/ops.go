package metrics

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/pprof" // It registers itself at the default mux, which nothing here serves.
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// scrapes and scrapeTime bound the requests for metrics: how many at a time, and how long.
	scrapes    = 4
	scrapeTime = 10 * time.Second
	// readyTime bounds all checks of one request for readiness together.
	readyTime = 2 * time.Second
	// maxProfile is the longest profile or trace, in seconds.
	maxProfile = 120
)

// Check is one thing that must be well for the program to be ready.
type Check struct {
	Name string
	// Run returns what is wrong, or nil. It must return when ctx ends.
	Run func(ctx context.Context) error
}

// OpsOptions say what the listener for operators shows.
type OpsOptions struct {
	Metrics *Metrics
	Version string
	// Ready are the checks of /readyz, in order.
	Ready []Check
	// AllowedHosts are names, without ports, by which this listener may be asked, besides addresses and localhost. Another name
	// could be that of a web page which had it point here.
	AllowedHosts []string
	// Profiles adds /debug/pprof/, which shows the inside of the process and costs time: for a listener that only this machine
	// reaches.
	Profiles bool
}

// OpsHandler serves /metrics, /healthz, /readyz and perhaps /debug/pprof/, by GET and HEAD alone.
func OpsHandler(o OpsOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "livetail "+o.Version+"\n/metrics\n/healthz\n/readyz\n") //nolint:errcheck // The peer is gone, then.
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics.registry, promhttp.HandlerOpts{
		Registry: o.Metrics.registry, EnableOpenMetrics: true, MaxRequestsInFlight: scrapes, Timeout: scrapeTime,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, struct {
			Status  string `json:"status"`
			Version string `json:"version"`
		}{"ok", o.Version})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, o.Ready) })
	if o.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.Handle("GET /debug/pprof/profile", bounded(pprof.Profile))
		mux.Handle("GET /debug/pprof/trace", bounded(pprof.Trace))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !known(r.Host, o.AllowedHosts) {
			http.Error(w, "this name is not allowed here: ask by address, or allow it", http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// known reports whether host, a name or address with or without a port, is an address, localhost, or one of allowed.
func known(host string, allowed []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host == "localhost" || slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, host) })
}

// outcome is that of one check.
type outcome struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

func ready(w http.ResponseWriter, r *http.Request, checks []Check) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	code, outcomes := http.StatusOK, make([]outcome, 0, len(checks))
	for _, c := range checks {
		o := outcome{Name: c.Name, OK: true}
		if err := c.Run(ctx); err != nil {
			code, o.OK, o.Reason = http.StatusServiceUnavailable, false, err.Error()
		}
		outcomes = append(outcomes, o)
	}
	answer(w, code, struct {
		Ready  bool      `json:"ready"`
		Checks []outcome `json:"checks"`
	}{code == http.StatusOK, outcomes})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // The peer is gone, then.
}

// bounded refuses profiles that would take too long.
func bounded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.URL.Query().Get("seconds"); text != "" {
			if s, err := strconv.ParseFloat(text, 64); err != nil || !(s > 0 && s <= maxProfile) {
				http.Error(w, "seconds must be more than 0 and at most "+strconv.Itoa(maxProfile), http.StatusBadRequest)
				return
			}
		}
		next(w, r)
	})
}
