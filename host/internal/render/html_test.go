package render

import (
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// shown is a character as a reader sees it.
type shown struct {
	char  rune
	style string
}

// attribute is every form that the style attribute of a span may have.
var attribute = regexp.MustCompile(`^(font-weight|font-style|text-decoration|visibility|background|background-color|color): [#a-zA-Z0-9 -]+(; (font-weight|font-style|text-decoration|visibility|background|background-color|color): [#a-zA-Z0-9 -]+)*$`)

// view reads HTML as a browser would, as far as spans with styles go, and refuses everything else. It is how two conversions are
// compared: the same characters in the same order, each with the same effective style.
func view(in string) ([]shown, error) {
	if !utf8.ValidString(in) {
		return nil, fmt.Errorf("not UTF-8: %q", in)
	}
	var out []shown
	style := ""
	open := false
	for in != "" {
		switch {
		case strings.HasPrefix(in, "</span>"):
			if !open {
				return nil, fmt.Errorf("a span is closed that is not open, before %q", in)
			}
			open, style, in = false, "", in[len("</span>"):]
		case strings.HasPrefix(in, `<span style="`):
			if open {
				return nil, fmt.Errorf("a span within a span at %q", in)
			}
			css, rest, ok := strings.Cut(in[len(`<span style="`):], `">`)
			if !ok || !attribute.MatchString(css) {
				return nil, fmt.Errorf("a bad span at %q", in)
			}
			open, style, in = true, effective(css), rest
		case in[0] == '<' || in[0] == '>':
			return nil, fmt.Errorf("markup at %q", in)
		case in[0] == '&':
			entity, rest, ok := strings.Cut(in, ";")
			if !ok || !slices.Contains([]string{"&lt", "&gt", "&amp", "&quot", "&#39", "&#x27"}, entity) {
				return nil, fmt.Errorf("a bad entity at %q", in)
			}
			for _, c := range html.UnescapeString(entity + ";") {
				out = append(out, shown{c, style})
			}
			in = rest
		default:
			c, size := utf8.DecodeRuneInString(in)
			if (c < ' ' && c != '\n' && c != '\t') || (0x7f <= c && c < 0xa0) {
				return nil, fmt.Errorf("control character %U in %q", c, in)
			}
			out = append(out, shown{c, style})
			in = in[size:]
		}
	}
	if open {
		return nil, fmt.Errorf("a span is open at the end")
	}
	return out, nil
}

// effective brings a style attribute into one form.
func effective(css string) string {
	set := map[string]string{}
	for declaration := range strings.SplitSeq(css, ";") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(declaration)), ":")
		if name == "background" {
			name = "background-color"
		}
		words := strings.Fields(value)
		slices.Sort(words)
		set[name] = strings.Join(words, " ")
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&b, "%s:%s;", name, set[name])
	}
	return b.String()
}
