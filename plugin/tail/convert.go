package tail

import (
	"math"
	"strings"
	"time"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// The enumerations of the domain have the same numbers as those of the wire (a test holds them to it), so that converting one is a
// cast.

// display makes a text for people fit for the wire, where strings are UTF-8: names of files need not be.
func display(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func displayAll(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, display(s))
	}
	return out
}

// unixNano is t.UnixNano, or the nearest that there is for the year 1 and the like.
func unixNano(t time.Time) int64 {
	switch s := t.Unix(); {
	case s < math.MinInt64/int64(time.Second):
		return math.MinInt64
	case s >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	default:
		return t.UnixNano()
	}
}

func positionToProto(p Position) *tailpb.Position {
	if p.IsZero() {
		return nil
	}
	return &tailpb.Position{Generation: p.Generation, Offset: p.Offset, Check: p.Check}
}

func positionFromProto(p *tailpb.Position) Position {
	return Position{Generation: p.GetGeneration(), Offset: p.GetOffset(), Check: p.GetCheck()}
}

func linesToProto(l Lines) *tailpb.Lines {
	return &tailpb.Lines{
		Start: positionToProto(l.Start), End: positionToProto(l.End),
		Text: l.Text, Offsets: l.Offsets, Piece: tailpb.Piece(l.Piece), Times: l.Times,
	}
}

func linesFromProto(l *tailpb.Lines) Lines {
	return Lines{
		Start: positionFromProto(l.GetStart()), End: positionFromProto(l.GetEnd()),
		Text: l.GetText(), Offsets: l.GetOffsets(), Piece: Piece(l.GetPiece()), Times: l.GetTimes(),
	}
}

func eventToProto(e Event) *tailpb.Event {
	switch e := e.(type) {
	case Lines:
		return &tailpb.Event{Event: &tailpb.Event_Lines{Lines: linesToProto(e)}}
	case Boundary:
		return &tailpb.Event{Event: &tailpb.Event_Boundary{Boundary: &tailpb.Boundary{
			From: positionToProto(e.From), To: positionToProto(e.To),
			How: tailpb.How(e.How), Order: tailpb.Order(e.Order), Name: display(e.Name),
		}}}
	case Truncated:
		return &tailpb.Event{Event: &tailpb.Event_Truncated{Truncated: &tailpb.Truncated{
			From: positionToProto(e.From), To: positionToProto(e.To),
		}}}
	case Gap:
		return &tailpb.Event{Event: &tailpb.Event_Gap{Gap: &tailpb.Gap{
			Cause: tailpb.Cause(e.Cause), Certain: e.Certain,
			After: positionToProto(e.After), Before: positionToProto(e.Before),
			Generations: e.Generations, Bytes: e.Bytes, MinBytes: e.MinBytes, Lines: e.Lines, Evidence: displayAll(e.Evidence),
		}}}
	case Late:
		return &tailpb.Event{Event: &tailpb.Event_Late{Late: &tailpb.Late{Lines: linesToProto(e.Lines)}}}
	case CaughtUp:
		return &tailpb.Event{Event: &tailpb.Event_CaughtUp{CaughtUp: &tailpb.CaughtUp{At: positionToProto(e.At)}}}
	default:
		return nil
	}
}

// eventFromProto returns nil for an event that this version does not know.
func eventFromProto(e *tailpb.Event) Event {
	switch e := e.GetEvent().(type) {
	case *tailpb.Event_Lines:
		return linesFromProto(e.Lines)
	case *tailpb.Event_Boundary:
		b := e.Boundary
		return Boundary{
			From: positionFromProto(b.GetFrom()), To: positionFromProto(b.GetTo()),
			How: How(b.GetHow()), Order: ChainOrder(b.GetOrder()), Name: b.GetName(),
		}
	case *tailpb.Event_Truncated:
		return Truncated{From: positionFromProto(e.Truncated.GetFrom()), To: positionFromProto(e.Truncated.GetTo())}
	case *tailpb.Event_Gap:
		g := e.Gap
		if g == nil {
			return nil
		}
		return Gap{
			Cause: Cause(g.GetCause()), Certain: g.GetCertain(),
			After: positionFromProto(g.GetAfter()), Before: positionFromProto(g.GetBefore()),
			Generations: g.Generations, Bytes: g.Bytes, MinBytes: g.MinBytes, Lines: g.Lines, Evidence: g.GetEvidence(),
		}
	case *tailpb.Event_Late:
		return Late{Lines: linesFromProto(e.Late.GetLines())}
	case *tailpb.Event_CaughtUp:
		return CaughtUp{At: positionFromProto(e.CaughtUp.GetAt())}
	default:
		return nil
	}
}

func filterToProto(f Filter) *tailpb.Filter {
	if f.IsZero() {
		return nil
	}
	return &tailpb.Filter{Include: f.Include, Exclude: f.Exclude}
}

func filterFromProto(f *tailpb.Filter) Filter {
	return Filter{Include: f.GetInclude(), Exclude: f.GetExclude()}
}

func startToProto(s Start) *tailpb.Start {
	switch s.kind {
	case startLastLines:
		return &tailpb.Start{At: &tailpb.Start_LastLines{LastLines: s.lines}}
	case startPosition:
		return &tailpb.Start{At: &tailpb.Start_Position{Position: positionToProto(s.position)}}
	case startTime:
		return &tailpb.Start{At: &tailpb.Start_TimeUnixNano{TimeUnixNano: unixNano(s.time)}}
	case startBeginning:
		return &tailpb.Start{At: &tailpb.Start_Beginning{Beginning: true}}
	default:
		return nil
	}
}

func startFromProto(s *tailpb.Start) Start {
	switch s := s.GetAt().(type) {
	case *tailpb.Start_LastLines:
		return StartAtLastLines(s.LastLines)
	case *tailpb.Start_Position:
		return StartAtPosition(positionFromProto(s.Position))
	case *tailpb.Start_TimeUnixNano:
		return StartAtTime(time.Unix(0, s.TimeUnixNano))
	case *tailpb.Start_Beginning:
		return StartAtBeginning()
	default:
		return StartAtEnd()
	}
}

func followToProto(r FollowRequest) *tailpb.FollowRequest {
	return &tailpb.FollowRequest{
		Log: r.Log, Start: startToProto(r.Start), Follow: r.Follow, Wait: r.Wait, Filter: filterToProto(r.Filter),
		Times: r.Times, Left: mapped(r.Left, positionToProto),
	}
}

// mapped returns what convert makes of each.
func mapped[A, B any](all []A, convert func(A) B) (out []B) {
	for _, a := range all {
		out = append(out, convert(a))
	}
	return out
}

func followFromProto(r *tailpb.FollowRequest) FollowRequest {
	return FollowRequest{
		Log: r.GetLog(), Start: startFromProto(r.GetStart()), Follow: r.GetFollow(), Wait: r.GetWait(),
		Filter: filterFromProto(r.GetFilter()), Times: r.GetTimes(), Left: mapped(r.GetLeft(), positionFromProto),
	}
}

func readToProto(r ReadRequest) *tailpb.ReadRequest {
	out := &tailpb.ReadRequest{
		Log: r.Log, At: positionToProto(r.At), Backward: r.Backward, Lines: int32(min(max(r.Lines, -1), MaxPageLines+1)),
		Filter: filterToProto(r.Filter), Times: r.Times,
	}
	if !r.AtTime.IsZero() {
		ns := unixNano(r.AtTime)
		out.AtTimeUnixNano = &ns
	}
	return out
}

func readFromProto(r *tailpb.ReadRequest) ReadRequest {
	out := ReadRequest{
		Log: r.GetLog(), At: positionFromProto(r.GetAt()), Backward: r.GetBackward(), Lines: int(r.GetLines()),
		Filter: filterFromProto(r.GetFilter()), Times: r.GetTimes(),
	}
	if r.AtTimeUnixNano != nil {
		out.AtTime = time.Unix(0, r.GetAtTimeUnixNano())
	}
	return out
}

func pageToProto(p Page) *tailpb.ReadResponse {
	out := &tailpb.ReadResponse{
		Start: positionToProto(p.Start), End: positionToProto(p.End), AtBeginning: p.AtBeginning, AtEnd: p.AtEnd,
	}
	for _, e := range p.Events {
		out.Events = append(out.Events, eventToProto(e))
	}
	return out
}

func pageFromProto(p *tailpb.ReadResponse) Page {
	out := Page{
		Start: positionFromProto(p.GetStart()), End: positionFromProto(p.GetEnd()),
		AtBeginning: p.GetAtBeginning(), AtEnd: p.GetAtEnd(),
	}
	for _, e := range p.GetEvents() {
		if e := eventFromProto(e); e != nil {
			out.Events = append(out.Events, e)
		}
	}
	return out
}

func entryToProto(e Entry) *tailpb.ListResponse {
	out := &tailpb.ListResponse{Log: e.Log, Size: e.Size, Generations: int32(e.Generations)}
	if !e.Modified.IsZero() {
		out.ModifiedUnixNano = unixNano(e.Modified)
	}
	return out
}

func entryFromProto(e *tailpb.ListResponse) Entry {
	out := Entry{Log: e.GetLog(), Size: e.GetSize(), Generations: int(e.GetGenerations())}
	if n := e.GetModifiedUnixNano(); n != 0 {
		out.Modified = time.Unix(0, n)
	}
	return out
}

// findingsToProto keeps to the limits of a report, whatever the tailer does.
func findingsToProto(r Report) *tailpb.DiagnoseResponse {
	out := &tailpb.DiagnoseResponse{}
	for _, f := range r.Findings[:min(len(r.Findings), MaxFindings)] {
		out.Findings = append(out.Findings, &tailpb.Finding{
			Id: sentence(f.ID), Level: tailpb.FindingLevel(f.Level), What: sentence(f.What), Do: sentence(f.Do),
		})
	}
	return out
}

// sentence is display within the limit of a finding.
func sentence(s string) string {
	s = display(s)
	if len(s) > MaxFindingText {
		s = strings.ToValidUTF8(s[:MaxFindingText-len("…")], "") + "…"
	}
	return s
}

// findingsFromProto leaves out what this version does not know.
func findingsFromProto(r *tailpb.DiagnoseResponse) Report {
	var out Report
	for _, f := range r.GetFindings() {
		level := FindingLevel(f.GetLevel())
		if level < FindingOK || level > FindingProblem {
			continue
		}
		out.Findings = append(out.Findings, Finding{ID: f.GetId(), Level: level, What: f.GetWhat(), Do: f.GetDo()})
	}
	return out
}

func beatToProto(b Beat) *tailpb.HeartbeatRequest {
	return &tailpb.HeartbeatRequest{
		Kind: tailpb.BeatKind(b.Kind), Session: b.Session, IntervalNano: int64(b.Interval), TimeoutNano: int64(b.Timeout),
	}
}

func beatFromProto(b *tailpb.HeartbeatRequest) Beat {
	return Beat{
		Kind: BeatKind(b.GetKind()), Session: b.GetSession(),
		Interval: time.Duration(b.GetIntervalNano()), Timeout: time.Duration(b.GetTimeoutNano()),
	}
}
