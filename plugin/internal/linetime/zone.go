package linetime

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// ParseZone reads the name of a time zone: one of the tz database, such as Europe/Berlin, utc, local, or an offset, such as +05:30.
func ParseZone(name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "local":
		return time.Local, nil
	case "utc", "z":
		return time.UTC, nil
	case "":
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	if b := []byte(name); b[0] == '+' || b[0] == '-' {
		if sec, ok := offset(b, 0); ok && (len(b) == 3 || len(b) == 5 && b[3] != ':' || len(b) == 6 && b[3] == ':') {
			return time.FixedZone(name, int(sec)), nil
		}
		return nil, fmt.Errorf("%q is no offset, such as +05:30", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone: neither local, utc, an offset such as +05:30, nor a name such as Europe/Berlin", name)
	}
	return loc, nil
}

// ZoneName is what others know a zone by: a name of the tz database, UTC, or the offset of now, such as +05:30.
func ZoneName(zone *time.Location) string {
	name := zone.String()
	if zone == time.Local {
		name = localName(os.LookupEnv, os.Readlink)
	}
	if name == "" || name[0] == '+' || name[0] == '-' {
		return time.Now().In(zone).Format("-07:00")
	}
	return name
}

// localName is the name of the zone of this process, where the variable TZ or the link to the zone's file says it; else empty.
func localName(lookup func(string) (string, bool), readlink func(string) (string, error)) string {
	path, ok := lookup("TZ")
	if !ok {
		path, _ = readlink("/etc/localtime") // Without it, there is no name.
	}
	path = strings.TrimPrefix(path, ":")
	if ok && path == "" {
		return time.UTC.String()
	}
	if _, name, found := strings.Cut(path, "/zoneinfo/"); found {
		path = name
	}
	if _, err := time.LoadLocation(path); err != nil || path == "" || path == "Local" {
		return ""
	}
	return path
}
