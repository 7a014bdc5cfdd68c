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

func TestZoneName_IsWhatBrowsersKnow(t *testing.T) {
	for zone, want := range map[string]string{"utc": "UTC", "z": "UTC", "Europe/Berlin": "Europe/Berlin", "+0530": "+05:30", "-03": "-03:00"} {
		loc, err := ParseZone(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := ZoneName(loc); got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
	for _, c := range []struct{ tz, link, want string }{
		{"Asia/Shanghai", "/usr/share/zoneinfo/Europe/Berlin", "Asia/Shanghai"}, {":Asia/Shanghai", "", "Asia/Shanghai"}, {"", "/usr/share/zoneinfo/Europe/Berlin", "UTC"},
		{"/usr/share/zoneinfo/Asia/Tokyo", "", "Asia/Tokyo"}, {"CET-1CEST", "", ""},
		{"none", "../usr/share/zoneinfo/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"}, {"none", "", ""}, {"none", "/etc/zone", ""},
	} {
		lookup := func(string) (string, bool) { return c.tz, c.tz != "none" }
		readlink := func(string) (string, error) { return c.link, nil }
		if got := localName(lookup, readlink); got != c.want {
			t.Errorf("TZ=%s, %s: got %q, want %q", c.tz, c.link, got, c.want)
		}
	}
}
