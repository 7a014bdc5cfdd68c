package httpd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/livetail/livetail/host/web"
)

// page is the built page, in memory.
type page struct {
	index  asset
	assets map[string]*asset // by name below /-/assets/
}

// asset is one file with its compressed forms.
type asset struct {
	plain, br, gz []byte // the compressed ones may be nil
	kind          string
	tag           string
}

func newPage(base string) (*page, error) {
	index, err := web.Index(base)
	if err != nil {
		return nil, err
	}
	p := &page{index: newAsset("index.html", index), assets: map[string]*asset{}}
	files := web.FS()
	read := func(name string) []byte {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil
		}
		return data
	}
	err = fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".br" || path.Ext(name) == ".gz" {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a := newAsset(name, data)
		a.br, a.gz = read(name+".br"), read(name+".gz")
		p.assets[strings.TrimPrefix(name, "assets/")] = &a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	return p, nil
}

func newAsset(name string, data []byte) asset {
	sum := sha256.Sum256(data)
	kind := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8", ".woff2": "font/woff2"}[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	return asset{plain: data, kind: kind, tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// wantsPage reports whether r comes from somebody who would rather see a page than text.
func wantsPage(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for entry := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(entry)
			if err == nil && kind == "text/html" {
				q, err := strconv.ParseFloat(params["q"], 64)
				return err != nil || q > 0
			}
		}
	}
	return false
}

// serve answers with the page.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", web.ContentSecurityPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-cache")
	p.index.serve(w, r)
}

// serveAsset answers with a file of the page.
func (p *page) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a := p.assets[name]
	if a == nil {
		fail(w, http.StatusNotFound, "There is no such file.")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable") // names change with the content
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	a.serve(w, r)
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.tag)
	data := a.plain
	if a.br != nil || a.gz != nil {
		h.Add("Vary", "Accept-Encoding")
		switch {
		case a.br != nil && accepts(r, "br"):
			h.Set("Content-Encoding", "br")
			data = a.br
		case a.gz != nil && accepts(r, "gzip"):
			h.Set("Content-Encoding", "gzip")
			data = a.gz
		}
	}
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		w.Write(data) // a peer that does not take it has gone
	}
}

// accepts reports whether a coding is acceptable to r.
func accepts(r *http.Request, coding string) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for entry := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(entry, ";")
			if strings.EqualFold(strings.TrimSpace(name), coding) {
				return strings.ReplaceAll(params, " ", "") != "q=0"
			}
		}
	}
	return false
}
