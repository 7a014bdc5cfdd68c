package logql

import "math"

// metric reads [sum by (…)] (count_over_time({…}[5m])).
func (p *parser) metric() (Query, error) {
	t := p.take()
	switch t.text {
	case "sum":
		return p.sumOf(t)
	case string(CountOverTime), string(Rate), string(BytesOverTime), string(BytesRate):
		m, err := p.over(Func(t.text))
		if err != nil {
			return nil, err
		}
		return m, p.noArithmetic()
	case "min", "max", "avg", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc", "approx_topk", "label_replace",
		"rate_counter", "sum_over_time", "avg_over_time", "max_over_time", "min_over_time", "stdvar_over_time", "stddev_over_time",
		"quantile_over_time", "first_over_time", "last_over_time", "absent_over_time":
		return nil, unsupported(t, t.text)
	}
	return nil, p.unexpected(t)
}

// noArithmetic refuses to calculate with metrics.
func (p *parser) noArithmetic() error {
	switch t := p.peek(); t.kind {
	case "+", "-", "*", "/", "%", "^", ">", "<", "==", "!=", ">=", "<=":
		return unsupported(t, "arithmetic with metrics")
	default:
		if t.is("and") || t.is("or") || t.is("unless") {
			return unsupported(t, "arithmetic with metrics")
		}
	}
	return nil
}

// sumOf reads what follows sum; the grouping may stand before or after the parentheses.
func (p *parser) sumOf(start token) (Query, error) {
	if t := p.peek(); t.kind != "(" && !t.is("by") && !t.is("without") {
		return nil, p.unexpected(start)
	}
	by, without, grouped, err := p.grouping()
	if err != nil {
		return nil, err
	}
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	t := p.take()
	var m *Metric
	switch t.text {
	case string(CountOverTime), string(Rate), string(BytesOverTime), string(BytesRate):
		if m, err = p.over(Func(t.text)); err != nil {
			return nil, err
		}
	default:
		if t.kind == kindIdentifier && p.peek().kind == "(" {
			return nil, unsupported(t, "sum of "+t.text)
		}
		return nil, p.unexpected(t)
	}
	if err := p.noArithmetic(); err != nil {
		return nil, err
	}
	if _, err := p.expect(")"); err != nil {
		return nil, err
	}
	if !grouped {
		if by, without, _, err = p.grouping(); err != nil {
			return nil, err
		}
	}
	m.Sum, m.By, m.Without = true, by, without
	return m, p.noArithmetic()
}

// grouping reads by (a, b) or without (a, b), if it is there.
func (p *parser) grouping() (names []string, without, ok bool, err error) {
	switch {
	case p.accept("by"):
	case p.accept("without"):
		without = true
	default:
		return nil, false, false, nil
	}
	if _, err := p.expect("("); err != nil {
		return nil, false, false, err
	}
	if p.accept(")") {
		return nil, without, true, nil
	}
	for {
		t := p.take()
		if t.kind != kindIdentifier || t.text == "" {
			return nil, false, false, p.unexpected(t, "IDENTIFIER")
		}
		if names = append(names, t.text); len(names) > MaxStages {
			return nil, false, false, tooBig(t, "more than %d labels to group by", MaxStages)
		}
		switch t := p.take(); t.kind {
		case ",":
		case ")":
			return names, without, true, nil
		default:
			return nil, false, false, p.unexpected(t, ")", ",")
		}
	}
}

// over reads ({…} … [5m]); the range may also stand right after the selector.
func (p *parser) over(f Func) (*Metric, error) {
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	inner := 0
	for p.peek().kind == "(" {
		if err := p.enter(p.take()); err != nil {
			return nil, err
		}
		inner++
	}
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	m := &Metric{Func: f, Log: &Log{Selector: s}}
	if err := p.window(m); err != nil {
		return nil, err
	}
	if err := p.pipeline(m.Log); err != nil {
		return nil, err
	}
	for ; inner > 0 && p.peek().kind == ")"; inner-- { // The range may stand behind inner parentheses.
		p.take()
		p.depth--
	}
	if m.Range == 0 {
		if err := p.window(m); err != nil {
			return nil, err
		}
		if m.Range == 0 {
			return nil, p.unexpected(p.peek())
		}
	}
	for ; inner >= 0; inner-- {
		if _, err := p.expect(")"); err != nil {
			return nil, err
		}
		if inner > 0 {
			p.depth--
		}
	}
	return m, s.check()
}

// window reads [5m] offset 1h, if it is there.
func (p *parser) window(m *Metric) error {
	if p.peek().kind != kindRange {
		return nil
	}
	m.Range = p.take().duration
	if p.accept("offset") {
		t, err := p.expect(kindDuration)
		if err != nil {
			return err
		}
		m.Offset = t.duration
	}
	return nil
}

// sum, product and operand read arithmetic of constants.
func (p *parser) sum() (Query, error) { return p.binary([]string{"+", "-"}, p.product) }

func (p *parser) product() (Query, error) { return p.binary([]string{"*", "/", "%"}, p.operand) }

func (p *parser) binary(ops []string, operand func() (Query, error)) (Query, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for {
		op := ""
		for _, o := range ops {
			if p.peek().kind == kind(o) {
				op = o
			}
		}
		if op == "" {
			return left, nil
		}
		t := p.take()
		right, err := operand()
		if err != nil {
			return nil, err
		}
		a, aok := left.(*Constant)
		b, bok := right.(*Constant)
		if !aok || !bok {
			return nil, unsupported(t, "arithmetic with metrics")
		}
		left = &Constant{Value: calculate(a.Value, op, b.Value), Vector: a.Vector || b.Vector}
	}
}

func calculate(a float64, op string, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	default:
		return math.Mod(a, b)
	}
}

func (p *parser) operand() (Query, error) {
	t := p.take()
	switch {
	case t.kind == kindNumber:
		return &Constant{Value: t.number}, nil
	case (t.kind == "-" || t.kind == "+") && p.peek().kind == kindNumber:
		v := p.take().number
		if t.kind == "-" {
			v = -v
		}
		return &Constant{Value: v}, nil
	case t.is("vector") && p.peek().kind == "(":
		p.take()
		sign := 1.0
		if p.accept("-") {
			sign = -1
		}
		n, err := p.expect(kindNumber)
		if err != nil {
			return nil, err
		}
		_, err = p.expect(")")
		return &Constant{Value: sign * n.number, Vector: true}, err
	case t.kind == "(":
		if err := p.enter(t); err != nil {
			return nil, err
		}
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		p.depth--
		_, err = p.expect(")")
		return q, err
	case t.kind == kindIdentifier && p.peek().kind == "(":
		return nil, unsupported(t, "arithmetic with metrics")
	}
	return nil, p.unexpected(t)
}
