package tail

import "fmt"

// Limits of a [Report].
const (
	// MaxFindings is the most findings of one report.
	MaxFindings = 64
	// MaxFindingText is the longest sentence in a finding, in bytes.
	MaxFindingText = 1024
)

// Report says why a log shows what it shows, or nothing: what was found out about it, in the order in which people should read it.
type Report struct {
	Findings []Finding
}

// Stops reports whether something was found that keeps the log from being followed.
func (r Report) Stops() bool {
	for _, f := range r.Findings {
		if f.Level == FindingProblem {
			return true
		}
	}
	return false
}

// Finding is one fact about a log.
type Finding struct {
	// ID names the kind of fact for programs, in lower case with hyphens, such as "file-missing". It stays the same when texts change.
	ID string
	// Level says how much it matters.
	Level FindingLevel
	// What is the fact, a sentence for people.
	What string
	// Do is what to do about it, a sentence for people; empty if there is nothing to do.
	Do string
}

// FindingLevel says how much a [Finding] matters.
type FindingLevel int

// The levels of findings.
const (
	// FindingOK: as it should be.
	FindingOK FindingLevel = iota + 1
	// FindingNote: worth knowing; the log can be followed.
	FindingNote
	// FindingProblem: the log cannot be followed, or will stop being followed.
	FindingProblem
)

// String returns the name of l that is used on every wire.
func (l FindingLevel) String() string {
	switch l {
	case FindingOK:
		return "ok"
	case FindingNote:
		return "note"
	case FindingProblem:
		return "problem"
	default:
		return "unknown"
	}
}

// String is for logs and tests.
func (f Finding) String() string {
	if f.Do == "" {
		return fmt.Sprintf("%s %s: %s", f.Level, f.ID, f.What)
	}
	return fmt.Sprintf("%s %s: %s %s", f.Level, f.ID, f.What, f.Do)
}
