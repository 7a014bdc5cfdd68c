package tail

import (
	"slices"
	"time"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// optionalNano is the wire form of a time that may be zero.
func optionalNano(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ns := unixNano(t)
	return &ns
}

func timeFromNano(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns)
}

// displayNano is the wire form of a time for display, where 0 means unknown.
func displayNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return unixNano(t)
}

func timeFromDisplay(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func scanToProto(r ScanRequest) *tailpb.ScanRequest {
	return &tailpb.ScanRequest{
		Log: r.Log, At: positionToProto(r.At), Backward: r.Backward, SinceUnixNano: optionalNano(r.Since), UntilUnixNano: optionalNano(r.Until),
		Filter: filterToProto(r.Filter), Matches: int32(r.Matches), BucketNano: int64(r.Bucket), Bytes: r.Bytes,
	}
}

func scanFromProto(r *tailpb.ScanRequest) ScanRequest {
	return ScanRequest{
		Log: r.GetLog(), At: positionFromProto(r.GetAt()), Backward: r.GetBackward(), Since: timeFromNano(r.SinceUnixNano), Until: timeFromNano(r.UntilUnixNano),
		Filter: filterFromProto(r.GetFilter()), Matches: int(r.GetMatches()), Bucket: time.Duration(r.GetBucketNano()), Bytes: r.GetBytes(),
	}
}

func reportToProto(r ScanReport) *tailpb.ScanResponse {
	out := &tailpb.ScanResponse{
		At: positionToProto(r.At), TimeUnixNano: displayNano(r.Time), Scanned: r.Scanned, Left: r.Left, Skipped: int32(r.Skipped), End: tailpb.ScanEnd(r.End),
	}
	for _, m := range r.Matches {
		out.Matches = append(out.Matches, &tailpb.Match{
			At: positionToProto(m.At), TimeUnixNano: displayNano(m.Time), Level: tailpb.Level(m.Level), Text: m.Text, Cut: m.Cut,
		})
	}
	for _, c := range r.Counts {
		lines := c.Lines[:]
		for len(lines) > 0 && lines[len(lines)-1] == 0 {
			lines = lines[:len(lines)-1]
		}
		out.Counts = append(out.Counts, &tailpb.Count{StartUnixNano: c.Start, Lines: slices.Clone(lines)})
	}
	return out
}

func reportFromProto(r *tailpb.ScanResponse) ScanReport {
	out := ScanReport{
		At: positionFromProto(r.GetAt()), Time: timeFromDisplay(r.GetTimeUnixNano()), Scanned: r.GetScanned(), Left: r.GetLeft(),
		Skipped: int(r.GetSkipped()), End: ScanEnd(r.GetEnd()),
	}
	for _, m := range r.GetMatches() {
		out.Matches = append(out.Matches, Match{
			At: positionFromProto(m.GetAt()), Time: timeFromDisplay(m.GetTimeUnixNano()), Level: Level(m.GetLevel()), Text: m.GetText(), Cut: m.GetCut(),
		})
	}
	for _, c := range r.GetCounts() {
		count := Count{Start: c.GetStartUnixNano()}
		copy(count.Lines[:], c.GetLines()) // Levels that this version does not know are left out.
		out.Counts = append(out.Counts, count)
	}
	return out
}
