package logql

import (
	"bytes"
	"fmt"
	"regexp"
)

// linePattern is the pattern of a filter like |> "<_> took <_>". Each <_> stands for at least one byte, up to the first place where the text after it
// stands; the last text has to end the line, but the first may begin anywhere, as in Loki.
type linePattern struct {
	texts        [][]byte
	begins, ends bool // with <_>
}

var capture = regexp.MustCompile(`<([A-Za-z_][A-Za-z0-9_]*)>`)

func newLinePattern(s string) (*linePattern, error) {
	p := &linePattern{}
	at := 0
	for i, m := range capture.FindAllStringSubmatchIndex(s, -1) {
		if name := s[m[2]:m[3]]; name != "_" {
			return nil, fmt.Errorf("named captures are not allowed: found '<%s>'", name)
		}
		switch text := s[at:m[0]]; {
		case text != "":
			p.texts = append(p.texts, []byte(text))
		case i > 0:
			return nil, fmt.Errorf("found consecutive capture '<_><_>': invalid expression")
		default:
			p.begins = true
		}
		at = m[1]
		p.ends = true
	}
	if rest := s[at:]; rest != "" {
		p.texts = append(p.texts, []byte(rest))
		p.ends = false
	}
	return p, nil
}

func (p *linePattern) matches(line []byte) bool {
	for i, text := range p.texts {
		at := bytes.Index(line, text)
		if at < 0 || at == 0 && (i > 0 || p.begins) {
			return false
		}
		line = line[at+len(text):]
	}
	return p.ends == (len(line) > 0)
}
