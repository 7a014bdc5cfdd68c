package linetime

import (
	"fmt"
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
