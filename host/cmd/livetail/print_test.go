package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/livetail/livetail/host/internal/config"
	"github.com/livetail/livetail/plugin/tail"
)

// A server does not say each time that there is no more, so nothing may wait for what comes next.
func TestPrint_LinesAreWrittenBeforeTheNextEventComes(t *testing.T) {
	for _, size := range []int{1, 20 << 10, 60 << 10} {
		for _, json := range []bool{false, true} {
			var out bytes.Buffer
			o := tailOptions{color: "auto", json: json}
			p, err := o.printer(&out, &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Repeat("x", size)
			err = p.print(context.Background(), func(yield func(tail.Event, error) bool) {
				if yield(tail.Lines{Text: []byte(text + "\n")}, nil) && !strings.Contains(out.String(), text) {
					t.Errorf("%d bytes, json %t: %d have been written when the next event is asked for", size, json, out.Len())
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPublicURL_AllAddresses_IsOneThatABrowserOpens(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:8765": "http://localhost:8765/logs", "[::]:8765": "http://localhost:8765/logs",
		"127.0.0.1:8765": "http://127.0.0.1:8765/logs", "[::1]:8765": "http://[::1]:8765/logs",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := publicURL(&config.Config{BasePath: "/logs"}, tcp); got != want {
			t.Errorf("at %s got %s, want %s", addr, got, want)
		}
	}
}
