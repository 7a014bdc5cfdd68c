// Package web holds the page that the front door serves: an index of logs at the root, and a live view at each log's own path.
//
// The sources are TypeScript in src; dist is what the build made of them. It is committed, so that building livetail needs no Node.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"io/fs"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// ContentSecurityPolicy is the policy that the page is written for: it must be sent with the page. Log lines only ever become text,
// and the policy holds even if that should fail one day.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"worker-src 'self'; base-uri 'self'; frame-ancestors 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types livetail"

// FS returns the built page: index.html, and assets/ with names that change with their content. Beside each asset that compresses well
// stand its forms with .br and .gz appended.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant: this cannot happen
	}
	return sub
}

// defaultBase is how index.html names the place that it is served from.
const defaultBase = `<base href="/">`

// Index returns index.html for a front door whose root is at the URL path base, which begins and ends with a slash. Everything else in
// the page is relative to it.
func Index(base string) ([]byte, error) {
	if !strings.HasPrefix(base, "/") || !strings.HasSuffix(base, "/") || strings.HasPrefix(base, "//") {
		return nil, fmt.Errorf("base path %q does not begin and end with one slash", base)
	}
	page, err := dist.ReadFile("dist/index.html")
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	return bytes.Replace(page, []byte(defaultBase), []byte(`<base href="`+html.EscapeString(base)+`">`), 1), nil
}
