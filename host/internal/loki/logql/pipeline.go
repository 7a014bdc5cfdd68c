package logql

import (
	"fmt"
	"strconv"
)

// pipeline reads the stages that follow a selector.
func (p *parser) pipeline(l *Log) error {
	for {
		t := p.peek()
		var s stage
		var err error
		switch t.kind {
		case "|=", "|~", "|>", "!=", "!~", "!>":
			s, err = p.lineFilter()
		case "|":
			p.take()
			s, err = p.stage(l)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		if l.stages = append(l.stages, s); len(l.stages) > MaxStages {
			return tooBig(t, "more than %d stages", MaxStages)
		}
	}
}

// lineFilter reads |= "a" or "b".
func (p *parser) lineFilter() (stage, error) {
	op := p.take()
	f := &lineFilter{negative: op.kind[0] == '!'}
	for {
		t := p.peek()
		if t.function == "ip" {
			return nil, unsupported(t, "ip()")
		}
		if t.kind != kindString {
			return nil, p.unexpected(t, "STRING", "ip")
		}
		p.take()
		if err := f.add(op.kind, t.text); err != nil {
			return nil, &ParseError{Msg: fmt.Sprintf("stage '%s %s' : %v", op.kind, strconv.Quote(t.text), err)}
		}
		if len(f.any) > MaxStages {
			return nil, tooBig(t, "more than %d alternatives", MaxStages)
		}
		if !p.accept("or") {
			return f, nil
		}
	}
}

// stage reads what follows a pipe.
func (p *parser) stage(l *Log) (stage, error) {
	t := p.peek()
	switch t.kind {
	case "json":
		p.take()
		l.extracts = true
		if n := p.peek(); n.kind == kindIdentifier {
			return nil, unsupported(n, "json with expressions")
		}
		return jsonStage{}, nil
	case "logfmt":
		p.take()
		l.extracts = true
		s := logfmtStage{}
		for p.peek().kind == kindFlag {
			switch p.take().text {
			case "strict":
				s.strict = true
			case "keep-empty":
				s.keepEmpty = true
			}
		}
		if n := p.peek(); n.kind == kindIdentifier {
			return nil, unsupported(n, "logfmt with expressions")
		}
		return s, nil
	case "drop", "keep":
		p.take()
		l.extracts = true
		return p.labelNames(t.kind == "keep")
	case "decolorize":
		p.take()
		return decolorizeStage{}, nil
	case "pattern", "regexp", "unpack", "unwrap", "line_format", "label_format":
		return nil, unsupported(t, "| "+string(t.kind))
	case kindIdentifier, "(":
		l.extracts = true // A comparison that fails leaves an error label.
		return p.labelFilter()
	}
	return nil, p.unexpected(t)
}

// labelNames reads a, b="c".
func (p *parser) labelNames(keep bool) (stage, error) {
	s := &dropStage{keep: keep}
	for {
		name := p.peek()
		if name.kind != kindIdentifier {
			return nil, p.unexpected(name, "IDENTIFIER")
		}
		p.take()
		d := dropped{name: name.text}
		switch p.peek().kind {
		case "=", "!=", "=~", "!~":
			m, err := p.matcher(name)
			if err != nil {
				return nil, err
			}
			d.matcher = &m
		}
		if s.labels = append(s.labels, d); len(s.labels) > MaxStages {
			return nil, tooBig(name, "more than %d labels", MaxStages)
		}
		if !p.accept(",") {
			return s, nil
		}
	}
}

// labelFilter reads conditions. They are joined by and, which binds tighter than or, and by a comma or nothing at all, which mean "and all that
// follows": a="1", b="2" or c="3" is a="1" and (b="2" or c="3"), as in Loki.
func (p *parser) labelFilter() (stage, error) {
	n := 0
	c, err := p.conditions(&n, joinOr)
	if err != nil {
		return nil, err
	}
	return labelFilter{c}, nil
}

// How tight conditions are joined by or and by and; one of two operands takes no operator that binds less.
const (
	joinOr = iota
	joinAnd
	joinComma
)

// conditions reads conditions joined by operators that bind at least so tight; n counts them.
func (p *parser) conditions(n *int, level int) (condition, error) {
	left, err := p.condition(n)
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		if *n++; *n > 2*MaxStages {
			return nil, tooBig(t, "more than %d conditions", MaxStages)
		}
		next := joinOr
		switch {
		case t.is("or"):
			if level > joinOr {
				return left, nil
			}
			next = joinAnd
		case t.is("and"):
			if level > joinAnd {
				return left, nil
			}
			next = joinComma
		case t.kind == ",", t.kind == kindIdentifier, t.kind == "(":
		default:
			return left, nil
		}
		if t.kind != kindIdentifier && t.kind != "(" {
			p.take()
		}
		right, err := p.conditions(n, next)
		if err != nil {
			return nil, err
		}
		left = both{left, right, t.is("or")}
	}
}

// condition reads one condition, or several in parentheses.
func (p *parser) condition(n *int) (condition, error) {
	t := p.take()
	if t.kind == "(" {
		if err := p.enter(t); err != nil {
			return nil, err
		}
		c, err := p.conditions(n, joinOr)
		if err != nil {
			return nil, err
		}
		p.depth--
		if end := p.take(); end.kind != ")" {
			return nil, p.unexpected(end)
		}
		return c, nil
	}
	if t.kind != kindIdentifier {
		return nil, p.unexpected(t, "IDENTIFIER", "(")
	}
	op := p.take()
	switch op.kind {
	case "=", "!=", "=~", "!~", "==", ">", ">=", "<", "<=":
	default:
		return nil, p.unexpected(op)
	}
	return p.operandOf(t, op)
}

// operandOf reads what a label is compared with.
func (p *parser) operandOf(name, op token) (condition, error) {
	v := p.take()
	if op.kind == "=~" || op.kind == "!~" {
		if v.kind != kindString {
			return nil, p.unexpected(v, "STRING")
		}
	} else if v.kind == "-" || v.kind == "+" {
		sign := v.kind
		if v = p.take(); v.kind != kindNumber {
			return nil, p.unexpected(v, "NUMBER")
		}
		if sign == "-" {
			v.number = -v.number
		}
	}
	c := numberCondition{name: name.text, op: string(op.kind), unit: v.kind, value: v.number}
	switch v.kind {
	case kindString:
		switch op.kind {
		case "=", "!=", "=~", "!~":
			m, err := newMatcher(name.text, string(op.kind), v.text)
			if err != nil {
				return nil, &ParseError{Msg: err.Error()}
			}
			return textCondition{m}, nil
		}
		return nil, p.unexpected(v)
	case kindNumber:
		if v.err != nil {
			return nil, &ParseError{Msg: "unable to parse literal as a float: " + v.err.Error()}
		}
		return c, nil
	case kindDuration:
		c.value = float64(v.duration)
		return c, nil
	case kindBytes:
		return c, nil
	}
	if v.function == "ip" && (op.kind == "=" || op.kind == "!=") {
		return nil, unsupported(v, "ip()")
	}
	return nil, p.unexpected(v)
}
