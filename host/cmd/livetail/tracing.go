package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/livetail/livetail/host/internal/config"
)

// flushTime bounds sending the last spans at the end of the program.
const flushTime = 5 * time.Second

// traced returns where spans go, and what sends the last of them at the end. The provider is nil unless a receiver is named: by the setting, or
// by the variables that OpenTelemetry defines, which also say the rest (headers, sampling, protocol, names).
func traced(ctx context.Context, cfg *config.Config, log *logrus.Logger) (provider trace.TracerProvider, flush func(), err error) {
	fromEnvironment := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	if cfg.OTLPEndpoint == "" && !fromEnvironment || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, func() {}, nil
	}
	exporter, err := exporterFor(ctx, cfg.OTLPEndpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("the receiver of traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "livetail"), attribute.String("service.version", buildVersion())),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv()) // What the environment says comes last, and wins.
	if err != nil {
		log.WithError(err).Warn("not all is known that traces could say about this process")
	}
	watched := &watchedExporter{SpanExporter: exporter, log: log}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WithError(err).Debug("OpenTelemetry") }))
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(watched), sdktrace.WithResource(about)) // What waits is bounded; what is too much is dropped.
	return p, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			log.WithError(err).Warn("the last traces could not be sent")
		}
	}, nil
}

// watchedExporter says once that spans cannot be sent, rather than with each batch, and once that they can be again.
type watchedExporter struct {
	sdktrace.SpanExporter
	log *logrus.Logger

	mu   sync.Mutex // guards lost
	lost int        // spans since the last batch that was sent
}

// ExportSpans implements [sdktrace.SpanExporter]. It returns no error: it has told the operator, and there is nobody else.
func (w *watchedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := w.SpanExporter.ExportSpans(ctx, spans)
	w.mu.Lock()
	before := w.lost
	w.lost += len(spans)
	if err == nil {
		w.lost = 0
	}
	w.mu.Unlock()
	switch {
	case err != nil && before == 0:
		w.log.WithError(err).Warn("traces cannot be sent, and are lost until they can be; it is tried on, and nothing waits for it")
	case err == nil && before > 0:
		w.log.WithField("lost", before).Info("traces can be sent again")
	}
	return nil
}

// exporterFor speaks OTLP over HTTP or, if the environment asks for it, over gRPC.
func exporterFor(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "grpc":
		var opts []otlptracegrpc.Option
		if endpoint != "" {
			opts = append(opts, otlptracegrpc.WithEndpointURL(endpoint))
		}
		return otlptracegrpc.New(ctx, opts...)
	case "", "http/protobuf":
		var opts []otlptracehttp.Option
		if endpoint != "" {
			u, err := url.Parse(endpoint)
			if err != nil {
				return nil, err
			}
			if strings.Trim(u.Path, "/") == "" {
				u.Path = "/v1/traces"
			}
			opts = append(opts, otlptracehttp.WithEndpointURL(u.String()))
		}
		return otlptracehttp.New(ctx, opts...)
	}
	return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: only grpc and http/protobuf are known", protocol)
}
