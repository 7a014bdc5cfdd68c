package tailtest

import (
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// forbidder is a [Log] that knows a name that may not be followed.
type forbidder interface{ Forbidden() string }

func testDiagnose(t *testing.T, s *suite) {
	name := s.log.Name()
	if !s.can(tail.CapabilityDiagnose) {
		_, err := s.tailer.Diagnose(s.context(), name)
		s.wantError("Diagnose without the capability", err, tail.ErrUnsupported)
		return
	}
	if r := s.diagnose(name); !r.Stops() {
		t.Errorf("a log that does not exist: no problem in %v", r)
	}
	s.log.Append(numberedLines(1, 3))
	if r := s.diagnose(name); r.Stops() {
		t.Errorf("a log that is well: a problem in %v", r)
	}
	s.log.Rotate()
	s.log.Append(numberedLines(4, 6))
	if r := s.diagnose(name); r.Stops() {
		t.Errorf("a log that was rotated: a problem in %v", r)
	}
	if r := s.diagnose(""); r.Stops() {
		t.Errorf("the tailer itself: a problem in %v", r)
	}
	if f, ok := s.log.(forbidder); ok {
		_, err := s.tailer.Diagnose(s.context(), f.Forbidden())
		s.wantError("Diagnose of a forbidden log", err, tail.ErrNotAllowed)
	}
	_, err := s.tailer.Diagnose(s.context(), strings.Repeat("/x", tail.MaxPath))
	s.wantError("Diagnose of a name that is too long", err, tail.ErrBadRequest)
}

// diagnose must work, and what it answers must be within the limits.
func (s *suite) diagnose(log string) tail.Report {
	s.t.Helper()
	r, err := s.tailer.Diagnose(s.context(), log)
	if err != nil {
		s.t.Fatalf("Diagnose(%q): %v", log, err)
	}
	if n := len(r.Findings); n == 0 || n > tail.MaxFindings {
		s.t.Errorf("Diagnose(%q): %d findings", log, n)
	}
	for _, f := range r.Findings {
		switch {
		case f.ID == "" || strings.Trim(f.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			s.t.Errorf("Diagnose(%q): %q is no ID", log, f.ID)
		case f.Level < tail.FindingOK || f.Level > tail.FindingProblem:
			s.t.Errorf("Diagnose(%q): %v has no level", log, f)
		case f.What == "" || len(f.What) > tail.MaxFindingText || len(f.Do) > tail.MaxFindingText:
			s.t.Errorf("Diagnose(%q): %v says nothing, or too much", log, f)
		case f.Level == tail.FindingProblem && f.Do == "":
			s.t.Errorf("Diagnose(%q): %v does not say what to do", log, f)
		}
	}
	return r
}
