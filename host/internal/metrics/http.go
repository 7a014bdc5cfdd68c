package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// httpMetrics are about requests.
type httpMetrics struct {
	duration *prometheus.HistogramVec
}

func newHTTPMetrics(f maker) httpMetrics {
	return httpMetrics{
		duration: f.histogramVec("http_request_duration_seconds", "How long requests took; a WebSocket counts until it stands.",
			prometheus.ExponentialBuckets(0.0005, 4, 9), "handler", "method", "code"),
	}
}

// Handler returns next with its requests counted under name, which the program chooses: it must not come from a request.
func (m *Metrics) Handler(name string, next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerDuration(m.http.duration.MustCurryWith(prometheus.Labels{"handler": name}), next)
}
