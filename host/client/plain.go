package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"iter"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/wire"
)

// ErrRefused is the error of a server of the plain protocol that does not want to; its text is what the server said.
var ErrRefused = errors.New("server refused")

// FollowPlain yields the content of the log at a URL over the plain protocol, as the frames bring it: HTML, unless the URL asks for
// another format. It answers the server's pings. Of the options only Header, TLS and HandshakeTimeout are used, and Once.
// The sequence ends with the connection: with nil if the server closed it normally, otherwise with an error. A chunk belongs to the
// consumer.
func FollowPlain(ctx context.Context, rawURL string, o Options) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := followPlain(ctx, rawURL, o, func(b []byte) bool { return yield(b, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func followPlain(ctx context.Context, rawURL string, o Options, yield func([]byte) bool) error {
	u, err := target(rawURL, "ws")
	if err != nil {
		return err
	}
	if q := u.Query(); !o.Once {
		q.Set("tail", "1")
		u.RawQuery = q.Encode()
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	d := websocket.Dialer{HandshakeTimeout: o.HandshakeTimeout, TLSClientConfig: o.TLS, Proxy: http.ProxyFromEnvironment, ReadBufferSize: 64 << 10}
	ws, resp, err := d.DialContext(ctx, u.String(), o.Header)
	if err != nil {
		return handshakeEnding(resp, err).err
	}
	defer ws.Close()
	ws.SetReadLimit(MaxMessage)
	stop := context.AfterFunc(ctx, func() { ws.NetConn().Close() })
	defer stop()
	var notice []byte // the first frame, if it looks like a refusal
	for first := true; ; first = false {
		_, data, err := ws.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &closed) && closed.Code == websocket.CloseNormalClosure && notice != nil:
			return fmt.Errorf("%w: %s", ErrRefused, refusal(notice))
		case errors.As(err, &closed) && closed.Code == websocket.CloseNormalClosure:
			return nil
		case err != nil:
			return fmt.Errorf("connection lost: %w", err)
		}
		if notice != nil {
			if !yield(notice) {
				return nil
			}
			notice = nil
		}
		switch {
		case string(data) == wire.PlainPing:
			if err := ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
				return err
			}
			if err := ws.WriteMessage(websocket.TextMessage, []byte(wire.PlainPong)); err != nil {
				return fmt.Errorf("connection lost: %w", err)
			}
		case first && refusal(data) != "":
			notice = data
		case !yield(data):
			return nil
		}
	}
}

// refusal returns the text of a frame that refuses, empty if it is none.
func refusal(frame []byte) string {
	rest, ok := bytes.CutPrefix(frame, []byte(`<font color="red"><strong>`))
	if !ok {
		return ""
	}
	rest, ok = bytes.CutSuffix(rest, []byte("</strong></font>"))
	if !ok || bytes.ContainsAny(rest, "<\n") {
		return ""
	}
	return html.UnescapeString(string(rest))
}

// FollowText yields the content of the log at a URL as curl gets it, in chunks that end anywhere. Of the options only Header, TLS and Once
// are used. The sequence ends when the server ends it, or with an error. A chunk is good until the next turn of the loop.
func FollowText(ctx context.Context, rawURL string, o Options) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := followText(ctx, rawURL, o, func(b []byte) bool { return yield(b, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func followText(ctx context.Context, rawURL string, o Options, yield func([]byte) bool) error {
	u, err := target(rawURL, "http")
	if err != nil {
		return err
	}
	if q := u.Query(); !o.Once {
		q.Set("tail", "1")
		u.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	maps.Copy(req.Header, o.Header)
	req.Header.Set("Accept", "text/plain")
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, DisableKeepAlives: true, ReadBufferSize: 64 << 10}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		return statusEnding(resp, strings.TrimSpace(string(text))).err
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 && !yield(buf[:n]) {
			return nil
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("connection lost: %w", err)
		}
	}
}
