package httpd

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/plugin/tail"
)

// doctorTime bounds one diagnosis.
const doctorTime = 10 * time.Second

// diagnosis is the answer of /-/doctor.
type diagnosis struct {
	Findings []finding `json:"findings"`
}

type finding struct {
	ID    string `json:"id"`
	Level string `json:"level"`
	What  string `json:"what"`
	Do    string `json:"do"`
}

// doctor answers why a log shows what it shows, or nothing.
func (s *Server) doctor(w http.ResponseWriter, r *http.Request, who access.Identity) {
	log, err := parseDoctor(r.URL.RawQuery)
	if err == nil && !who.MayFollow(log) {
		err = tail.ErrNotAllowed
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	m, local, ok := s.o.Mounts.Find(log)
	if !ok {
		s.refuse(w, tail.ErrNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), doctorTime)
	defer cancel()
	report, err := m.Tailer.Diagnose(ctx, local)
	if err != nil {
		s.refuse(w, err)
		return
	}
	answer := diagnosis{Findings: []finding{}}
	for _, f := range report.Findings {
		answer.Findings = append(answer.Findings, finding{ID: f.ID, Level: f.Level.String(), What: f.What, Do: f.Do})
	}
	answerJSON(w, answer)
}

func parseDoctor(rawQuery string) (log string, err error) {
	if len(rawQuery) > maxQuery {
		return "", bad("The query has %d bytes; %d are allowed.", len(rawQuery), maxQuery)
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", bad("The query cannot be read: a %% or ; in it must be written as %%25 or %%3B.")
	}
	if n := len(values["log"]); n != 1 || values.Get("log") == "" {
		return "", bad("log must name one log, as in /-/doctor?log=/var/log/app.log.")
	}
	return logOf(values.Get("log"))
}
