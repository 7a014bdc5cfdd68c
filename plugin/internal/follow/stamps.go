package follow

import (
	"cmp"
	"slices"
	"strings"
)

// isBetween reports whether three names differ in numbers alone, and those of the second lie between those of the others.
func isBetween(from, name, to string) bool {
	return form(from) == form(to) && form(name) == form(to) && compareStamps(from, name) < 0 && compareStamps(name, to) < 0
}

// form is a name with each number replaced.
func form(name string) string {
	var b strings.Builder
	for name != "" {
		i := strings.IndexAny(name, digits)
		if i < 0 {
			b.WriteString(name)
			break
		}
		b.WriteString(name[:i])
		b.WriteByte('0')
		name = strings.TrimLeft(name[i:], digits)
	}
	return b.String()
}

const digits = "0123456789"

// compareStamps compares the numbers in two names, the first one first.
func compareStamps(a, b string) int {
	isOther := func(c rune) bool { return c < '0' || c > '9' }
	return slices.CompareFunc(strings.FieldsFunc(a, isOther), strings.FieldsFunc(b, isOther), func(x, y string) int {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
}
