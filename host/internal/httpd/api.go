package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// maxListed is the most logs in one answer, listed is how many come unasked.
	maxListed = 10_000
	listed    = 5_000
	// listTime bounds the making of a list.
	listTime = 10 * time.Second
	// maxWord is the longest word to look for.
	maxWord = 256
)

// own answers what is below /-/.
func (s *Server) own(w http.ResponseWriter, r *http.Request, path string, who access.Identity) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "Ask by GET.")
		return
	}
	if name, ok := strings.CutPrefix(path, "/-/assets/"); ok {
		s.page.serveAsset(w, r, name)
		return
	}
	switch path {
	case "/-/logs":
		s.logs(w, r, who)
	case "/-/doctor":
		s.doctor(w, r, who)
	case "/-/info":
		s.about(w, r, who)
	default:
		fail(w, http.StatusNotFound, "There is nothing here. Paths below /-/ belong to livetail itself.")
	}
}

// listing is the answer of /-/logs.
type listing struct {
	Logs      []listedLog `json:"logs"`
	Truncated bool        `json:"truncated"`
	// Missing are the prefixes whose plugin could not say what there is.
	Missing []string `json:"missing,omitempty"`
}

type listedLog struct {
	Log         string `json:"log"`
	Size        int64  `json:"size"`
	Modified    string `json:"modified"`
	Generations int    `json:"generations"`
}

// logs answers with the logs that may be followed.
func (s *Server) logs(w http.ResponseWriter, r *http.Request, who access.Identity) {
	ask, err := parseList(r.URL.RawQuery)
	if err != nil {
		fail(w, http.StatusBadRequest, wire.ErrorText(err))
		return
	}
	answer, err := s.list(r, ask, who)
	if err != nil {
		s.refuse(w, err)
		return
	}
	answerJSON(w, answer)
}

// listAsk is what a list is to hold.
type listAsk struct {
	prefix string
	words  []string // in lower case; each has to be in the path
	limit  int
}

func parseList(rawQuery string) (listAsk, error) {
	ask := listAsk{limit: listed}
	if len(rawQuery) > maxQuery {
		return ask, bad("The query has %d bytes; %d are allowed.", len(rawQuery), maxQuery)
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return ask, bad("The query cannot be read: a %% or ; in it must be written as %%25 or %%3B.")
	}
	if prefix := values.Get("prefix"); prefix != "" {
		if ask.prefix, err = logOf(prefix); err != nil {
			return ask, fmt.Errorf("prefix: %w", err)
		}
	}
	q := values.Get("q")
	if len(q) > maxWord {
		return ask, bad("q has %d bytes; %d are allowed.", len(q), maxWord)
	}
	ask.words = strings.Fields(strings.ToLower(q))
	if n := values.Get("limit"); n != "" {
		ask.limit, err = strconv.Atoi(n)
		if err != nil || ask.limit < 1 || ask.limit > maxListed {
			return ask, bad("limit must be a whole number from 1 to %d.", maxListed)
		}
	}
	return ask, nil
}

func (s *Server) list(r *http.Request, ask listAsk, who access.Identity) (listing, error) {
	ctx, cancel := context.WithTimeout(r.Context(), listTime)
	defer cancel()
	answer := listing{Logs: []listedLog{}}
	for e, err := range s.o.Mounts.List(ctx, tail.ListRequest{Prefix: ask.prefix}) {
		if incomplete := (*mount.Incomplete)(nil); errors.As(err, &incomplete) {
			answer.Missing = slices.DeleteFunc(slices.Clone(incomplete.Prefixes), func(p string) bool { return !who.MayFollow(p) })
			break
		}
		if err != nil {
			return listing{}, err
		}
		if !who.MayFollow(e.Log) || !containsAll(e.Log, ask.words) {
			continue
		}
		if _, err := logOf(e.Log); err != nil {
			continue // No URL names it, and a control character in it would speak to the terminal of whoever lists.
		}
		if len(answer.Logs) == ask.limit {
			answer.Truncated = true
			break
		}
		l := listedLog{Log: e.Log, Size: e.Size, Generations: e.Generations}
		if !e.Modified.IsZero() {
			l.Modified = e.Modified.UTC().Format(time.RFC3339Nano)
		}
		answer.Logs = append(answer.Logs, l)
	}
	return answer, nil
}

func containsAll(log string, words []string) bool {
	log = strings.ToLower(log)
	for _, w := range words {
		if !strings.Contains(log, w) {
			return false
		}
	}
	return true
}

// index answers those who want text with the logs that may be followed, one a line.
func (s *Server) index(w http.ResponseWriter, r *http.Request, who access.Identity) {
	answer, err := s.list(r, listAsk{limit: listed}, who)
	if err != nil {
		s.refuse(w, err)
		return
	}
	var b strings.Builder
	for _, l := range answer.Logs {
		b.WriteString(l.Log + "\n")
	}
	text(w, b.String())
}
