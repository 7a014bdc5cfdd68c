package logql

// pipeline reads the stages that follow a selector.
func (p *parser) pipeline(l *Log) error {
	for {
		t := p.peek()
		var s stage
		var err error
		switch t.kind {
		case "|=", "|~", "!=", "!~":
			s, err = p.lineFilter()
		case "|>", "!>":
			return unsupported(t, "pattern filters")
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
		if t.is("ip") && p.peekSecond().kind == "(" {
			return nil, unsupported(t, "ip()")
		}
		if t.kind != kindString {
			return nil, p.unexpected(t, "STRING", "ip")
		}
		p.take()
		if err := f.add(op.kind == "|~" || op.kind == "!~", t.text); err != nil {
			return nil, &ParseError{Line: t.line, Col: t.col, Msg: err.Error()}
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
	if t.kind != kindIdentifier || t.text == "" {
		if t.kind != "(" {
			return nil, p.unexpected(t)
		}
		t.text = ""
	}
	switch t.text {
	case "json":
		p.take()
		l.extracts = true
		if n := p.peek(); n.kind == kindIdentifier && p.peekSecond().kind == "=" {
			return nil, unsupported(n, "json with expressions")
		}
		return jsonStage{}, nil
	case "logfmt":
		p.take()
		l.extracts = true
		s := logfmtStage{}
		for p.peek().kind == kindFlag {
			switch f := p.take(); f.text {
			case "strict":
				s.strict = true
			case "keep-empty":
				s.keepEmpty = true
			default:
				return nil, &ParseError{Line: f.line, Col: f.col, Msg: "unknown flag --" + f.text}
			}
		}
		if n := p.peek(); n.kind == kindIdentifier && p.peekSecond().kind == "=" {
			return nil, unsupported(n, "logfmt with expressions")
		}
		return s, nil
	case "drop", "keep":
		p.take()
		l.extracts = true
		return p.labelNames(t.text == "keep")
	case "decolorize":
		p.take()
		return decolorizeStage{}, nil
	case "pattern", "regexp", "unpack", "unwrap", "line_format", "label_format", "distinct":
		return nil, unsupported(t, "| "+t.text)
	}
	l.extracts = true // A comparison that fails leaves an error label.
	return p.labelFilter()
}

// labelNames reads a, b="c".
func (p *parser) labelNames(keep bool) (stage, error) {
	s := &dropStage{keep: keep}
	for {
		name := p.peek()
		if name.kind != kindIdentifier || name.text == "" {
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

// labelFilter reads conditions joined by and, or, a comma or nothing at all, which means and. They are joined from left to right.
func (p *parser) labelFilter() (stage, error) {
	c, err := p.conditions()
	if err != nil {
		return nil, err
	}
	return labelFilter{c}, nil
}

func (p *parser) conditions() (condition, error) {
	left, err := p.condition()
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		t := p.peek()
		if n >= MaxStages {
			return nil, tooBig(t, "more than %d conditions", MaxStages)
		}
		or := false
		switch {
		case t.is("or"):
			p.take()
			or = true
		case t.is("and"), t.kind == ",":
			p.take()
		case t.kind == kindIdentifier && t.text != "", t.kind == "(":
		default:
			return left, nil
		}
		right, err := p.condition()
		if err != nil {
			return nil, err
		}
		left = both{left, right, or}
	}
}

func (p *parser) condition() (condition, error) {
	t := p.take()
	if t.kind == "(" {
		if err := p.enter(t); err != nil {
			return nil, err
		}
		c, err := p.conditions()
		if err != nil {
			return nil, err
		}
		p.depth--
		_, err = p.expect(")")
		return c, err
	}
	if t.kind != kindIdentifier || t.text == "" || isKeyword(t.text) {
		return nil, p.unexpected(t)
	}
	op := p.take()
	switch op.kind {
	case "=", "!=", "=~", "!~", "==", ">", ">=", "<", "<=":
	default:
		return nil, p.unexpected(op)
	}
	v := p.take()
	negative := v.kind == "-" && p.peek().kind == kindNumber
	if negative {
		v = p.take()
		v.number = -v.number
	}
	switch v.kind {
	case kindString:
		switch op.kind {
		case "=", "!=", "=~", "!~":
			m, err := newMatcher(t.text, string(op.kind), v.text)
			if err != nil {
				return nil, &ParseError{Line: v.line, Col: v.col, Msg: err.Error()}
			}
			return textCondition{m}, nil
		}
	case kindNumber, kindDuration, kindBytes:
		if op.kind == "=~" || op.kind == "!~" {
			return nil, p.unexpected(v, "STRING")
		}
		c := numberCondition{name: t.text, op: string(op.kind), unit: v.kind, value: v.number}
		if v.kind == kindDuration {
			c.value = float64(v.duration)
		}
		return c, nil
	case kindIdentifier:
		if v.is("ip") && p.peek().kind == "(" {
			return nil, unsupported(v, "ip()")
		}
	}
	return nil, p.unexpected(v)
}
