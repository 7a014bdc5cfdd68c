package linetime

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseZone_NamesAndOffsets(t *testing.T) {
	when := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"utc": "12:00", "UTC": "12:00", "Europe/Berlin": "14:00", "Asia/Kolkata": "17:30", "+05:30": "17:30", "-0330": "08:30", "+08": "20:00",
		"local": when.Local().Format("15:04"),
	} {
		loc, err := ParseZone(name)
		if err != nil || when.In(loc).Format("15:04") != want {
			t.Errorf("%s: %v, %v, want %s", name, loc, err, want)
		}
	}
	for _, name := range []string{"", "Atlantis", "../../etc/passwd", "+5", "+05:3", "+05:300", "+99:00", "+", "+0530x"} {
		if loc, err := ParseZone(name); err == nil {
			t.Errorf("%q is %v", name, loc)
		}
	}
}
