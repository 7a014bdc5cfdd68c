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
	// What is wrong with the meaning is said only of what can be read.
	switch q := q.(type) {
	case *Log:
		return q, q.Selector.check()
	case *Metric:
		if q.invalid != nil {
			return nil, q.invalid
		}
		return q, q.Log.Selector.check()
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
	return &parser{tokens: lex(query)}, nil
}

func (p *parser) peek() token { return p.tokens[0] }

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
	if t.kind == kindBroken {
		return t.err
	}
	msg := "syntax error: unexpected " + string(t.kind)
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

// enter counts parentheses on the way in.
func (p *parser) enter(t token) error {
	if p.depth++; p.depth > maxNesting {
		return tooBig(t, "parentheses are nested more than %d deep", maxNesting)
	}
	return nil
}

// query reads a log query, a metric query, or arithmetic of constants.
func (p *parser) query() (Query, error) { return p.sum() }

// log reads a selector and a pipeline.
func (p *parser) log() (*Log, error) {
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	l := &Log{Selector: s}
	return l, p.pipeline(l)
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
		if name.kind != kindIdentifier {
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
		return Matcher{}, &ParseError{Msg: err.Error()}
	}
	return m, nil
}
