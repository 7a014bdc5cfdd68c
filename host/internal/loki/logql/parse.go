package logql

import "strings"

// Parse reads a query. Errors are [*ParseError].
func Parse(query string) (Query, error) {
	p, err := newParser(query)
	if err != nil {
		return nil, err
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != kindEnd {
		return nil, p.unexpected(t)
	}
	return q, nil
}

// ParseLog reads a query that has to be one for lines.
func ParseLog(query string) (*Log, error) {
	q, err := Parse(query)
	if err != nil {
		return nil, err
	}
	l, ok := q.(*Log)
	if !ok {
		return nil, &ParseError{Msg: "only log selector is supported"}
	}
	return l, nil
}

// ParseSelector reads a selector alone, as lists of series want it; {} means everything.
func ParseSelector(query string) (Selector, error) {
	p, err := newParser(query)
	if err != nil {
		return nil, err
	}
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != kindEnd {
		return nil, p.unexpected(t)
	}
	return s, nil
}

// parser goes through the tokens from left to right, one token ahead.
type parser struct {
	tokens []token
	depth  int
}

func newParser(query string) (*parser, error) {
	if len(query) > MaxQuery {
		return nil, tooBig(token{}, "query of %d bytes is too long: at most %d bytes are allowed", len(query), MaxQuery)
	}
	tokens, err := lex(query)
	if err != nil {
		return nil, err
	}
	return &parser{tokens: tokens}, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) peekSecond() token { return p.tokens[min(1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.tokens[0]
	if len(p.tokens) > 1 {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the next token if it is the operator or keyword.
func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.take()
		return true
	}
	return false
}

// unexpected is the error for a token that cannot stand where it does. wanted are the names of those that can, unless there are many.
func (p *parser) unexpected(t token, wanted ...string) error {
	name := string(t.kind)
	if t.kind == kindIdentifier && isKeyword(t.text) {
		name = t.text
	}
	msg := "syntax error: unexpected " + name
	if len(wanted) > 0 {
		msg += ", expecting " + strings.Join(wanted, " or ")
	}
	return &ParseError{Line: t.line, Col: t.col, Msg: msg}
}

// expect takes the next token, which has to be of the kind.
func (p *parser) expect(k kind) (token, error) {
	t := p.peek()
	if t.kind != k {
		return t, p.unexpected(t, string(k))
	}
	return p.take(), nil
}

func isKeyword(s string) bool {
	switch s {
	case "by", "without", "and", "or", "unless", "json", "logfmt", "regexp", "pattern", "unpack", "unwrap", "offset", "line_format",
		"label_format", "drop", "keep", "decolorize", "distinct", "ip", "bool", "on", "ignoring", "group_left", "group_right":
		return true
	}
	return false
}

// enter counts parentheses on the way in.
func (p *parser) enter(t token) error {
	if p.depth++; p.depth > maxNesting {
		return tooBig(t, "parentheses are nested more than %d deep", maxNesting)
	}
	return nil
}

// query reads a log query, a metric query, or arithmetic of constants.
func (p *parser) query() (Query, error) {
	t := p.peek()
	switch {
	case t.kind == "{":
		return p.log()
	case t.kind == "(" && p.opensLog():
		return p.log()
	case t.kind == kindIdentifier && p.peekSecond().kind == "(" || t.is("sum"):
		if t.text == "vector" {
			return p.sum()
		}
		return p.metric()
	}
	return p.sum()
}

// opensLog reports whether the parentheses that begin here hold a selector.
func (p *parser) opensLog() bool {
	for _, t := range p.tokens {
		if t.kind != "(" {
			return t.kind == "{"
		}
	}
	return false
}

// log reads a selector and a pipeline, maybe in parentheses.
func (p *parser) log() (*Log, error) {
	if t := p.peek(); t.kind == "(" {
		p.take()
		if err := p.enter(t); err != nil {
			return nil, err
		}
		l, err := p.log()
		if err != nil {
			return nil, err
		}
		p.depth--
		if _, err := p.expect(")"); err != nil {
			return nil, err
		}
		return l, nil
	}
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	l := &Log{Selector: s}
	if err := p.pipeline(l); err != nil {
		return nil, err
	}
	return l, s.check()
}

// selector reads {name="value", …}.
func (p *parser) selector() (Selector, error) {
	if _, err := p.expect("{"); err != nil {
		return nil, err
	}
	s := Selector{}
	if p.accept("}") {
		return s, nil
	}
	for {
		name := p.peek()
		if name.kind != kindIdentifier || name.text == "" {
			if len(s) == 0 {
				return nil, p.unexpected(name, "IDENTIFIER", "}")
			}
			return nil, p.unexpected(name, "IDENTIFIER")
		}
		p.take()
		m, err := p.matcher(name)
		if err != nil {
			return nil, err
		}
		if s = append(s, m); len(s) > MaxStages {
			return nil, tooBig(name, "more than %d matchers", MaxStages)
		}
		switch t := p.take(); t.kind {
		case ",":
		case "}":
			return s, nil
		default:
			return nil, p.unexpected(t, "}", ",")
		}
	}
}

// matcher reads what follows the name of a label.
func (p *parser) matcher(name token) (Matcher, error) {
	op := p.peek()
	switch op.kind {
	case "=", "!=", "=~", "!~":
		p.take()
	default:
		return Matcher{}, p.unexpected(op, "=", "=~", "!~", "!=")
	}
	value, err := p.expect(kindString)
	if err != nil {
		return Matcher{}, err
	}
	m, err := newMatcher(name.text, string(op.kind), value.text)
	if err != nil {
		return Matcher{}, &ParseError{Line: value.line, Col: value.col, Msg: err.Error()}
	}
	return m, nil
}
