package host_test

import (
	"context"
	"fmt"
	"net/http"
	"os/signal"
	"syscall"

	"github.com/livetail/livetail/host"
	"github.com/livetail/livetail/plugin/tail"
)

// The front door, mounted below /logs in a program that has handlers of its own.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	door, err := host.New(host.Config{
		Plugin:   &tail.LaunchOptions{Path: "/usr/local/bin/livetail-plugin", Args: []string{"/var/log"}},
		BasePath: "/logs",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/logs/", door.Handler()) // ws://127.0.0.1:8080/logs/var/log/app.log?tail=1
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })

	server := &http.Server{Addr: "127.0.0.1:8080", Handler: mux}
	go server.ListenAndServe()
	if err := door.Run(ctx); err != nil { // Until the signal, and every viewer has been told good-bye.
		fmt.Println(err)
	}
	server.Close()
}
