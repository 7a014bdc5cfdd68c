// Package httpd is everything that a peer can ask for by HTTP: logs under their own paths, as WebSocket, page or chunked text, and our
// own things under /-/.
//
// Before anything else, every request has to name this server as its host and, if a browser's page sent it, come from our own
// origin; then it has to say who it is, where credentials are configured. What may not be followed looks the same whether or not it
// exists, for every way of asking.
//
// The goroutines of WebSocket connections belong to package ws; [Server.Drain] ends them and all streams of text.
package httpd
