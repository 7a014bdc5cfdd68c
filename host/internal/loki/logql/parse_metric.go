package logql

import (
	"fmt"
	"math"
	"slices"
)

// metric reads [sum by (…)] (count_over_time({…}[5m])). The next token is a function.
func (p *parser) metric() (*Metric, error) {
	t := p.take()
	switch f := Func(t.function); f {
	case "sum":
		return p.sumOf()
	case CountOverTime, Rate, BytesOverTime, BytesRate:
		return p.over(f)
	}
	if isMetricFunction(t.function) {
		return nil, unsupported(t, t.function)
	}
	return nil, p.unexpected(t)
}

// isMetricFunction reports whether the function makes metrics; others stand inside queries for lines.
func isMetricFunction(name string) bool {
	return !slices.Contains([]string{"", "ip", "bytes", "duration", "duration_seconds", "vector"}, name)
}

// sumOf reads what follows sum; the grouping may stand before or after the parentheses.
func (p *parser) sumOf() (*Metric, error) {
	by, without, grouped, err := p.grouping()
	if err != nil {
		return nil, err
	}
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	start := p.peek()
	inner, err := p.query()
	if err != nil {
		return nil, err
	}
	if p.peek().kind == "," && start.kind == kindNumber {
		return nil, &ParseError{Msg: "unsupported parameter for operation sum(" + start.text + ","}
	}
	m, ok := inner.(*Metric)
	switch {
	case !ok || m.Sum:
		if _, isLog := inner.(*Log); isLog {
			return nil, p.unexpected(p.peek())
		}
		what := start.text
		if what == "" {
			what = string(start.kind)
		}
		return nil, unsupported(start, "sum of "+what)
	}
	if t := p.peek(); t.kind != ")" {
		return nil, p.unexpected(t)
	}
	p.take()
	if !grouped {
		if by, without, _, err = p.grouping(); err != nil {
			return nil, err
		}
	}
	m.Sum, m.By, m.Without = true, by, without
	if len(by) == 0 && !without {
		m.Log.withoutParsers()
	}
	return m, nil
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
		switch {
		case t.kind == kindIdentifier:
		case len(names) == 0:
			return nil, false, false, p.unexpected(t, "IDENTIFIER", ")")
		default:
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
			return nil, false, false, p.unexpected(t, ",", ")")
		}
	}
}

// over reads ({…} … [5m]); the range may also stand right after the selector.
func (p *parser) over(f Func) (*Metric, error) {
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	var parameter string
	if t := p.peek(); t.kind == kindNumber {
		parameter = p.take().text
		if _, err := p.expect(","); err != nil {
			return nil, err
		}
	} else if t.kind != "{" && t.kind != "(" {
		return nil, p.unexpected(t, "NUMBER", "{", "(")
	}
	m := &Metric{Func: f}
	if err := p.logRange(m); err != nil {
		return nil, err
	}
	if _, err := p.expect(")"); err != nil {
		return nil, err
	}
	if parameter != "" {
		return nil, &ParseError{Msg: fmt.Sprintf("parameter %s not supported for operation %s", parameter, f)}
	}
	if p.peek().is("by") || p.peek().is("without") {
		if _, _, _, err := p.grouping(); err != nil {
			return nil, err
		}
		m.invalid = &ParseError{Msg: fmt.Sprintf("grouping not allowed for %s aggregation", f)}
	}
	return m, nil
}

// logRange reads {…} … [5m], maybe in parentheses, which may also hold all but the range.
func (p *parser) logRange(m *Metric) error {
	t := p.peek()
	if t.kind != "(" {
		if t.kind != "{" {
			return p.unexpected(t, "{", "(")
		}
		return p.rangeOf(m)
	}
	p.take()
	if err := p.enter(t); err != nil {
		return err
	}
	if p.peek().kind == "(" {
		if err := p.logRange(m); err != nil {
			return err
		}
	} else if err := p.inParentheses(m); err != nil {
		return err
	}
	p.depth--
	whole := m.Range != noRange
	if _, err := p.expect(")"); err != nil {
		return err
	}
	if whole {
		return nil
	}
	if t := p.peek(); t.kind != kindRange {
		return p.unexpected(t, "RANGE")
	}
	return p.window(m)
}

// noRange is the range of a metric before it was read.
const noRange = -1

// inParentheses reads {…} … with or without a range.
func (p *parser) inParentheses(m *Metric) error {
	t := p.peek()
	if t.kind != "{" {
		return p.unexpected(t, "{", "(")
	}
	l, err := p.selectorOf(m)
	if err != nil {
		return err
	}
	hasRange := m.Range != noRange
	if err := p.pipeline(l); err != nil {
		return err
	}
	if !hasRange && p.peek().kind == kindRange {
		return p.window(m)
	}
	if !hasRange && p.peek().kind != ")" {
		return p.unexpected(p.peek())
	}
	return nil
}

// selectorOf reads a selector and the range that may follow it at once.
func (p *parser) selectorOf(m *Metric) (*Log, error) {
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	m.Log, m.Range = &Log{Selector: s}, noRange
	return m.Log, p.window(m)
}

func (p *parser) rangeOf(m *Metric) error {
	l, err := p.selectorOf(m)
	if err != nil {
		return err
	}
	if err := p.pipeline(l); err != nil {
		return err
	}
	if m.Range != noRange {
		return nil
	}
	if t := p.peek(); t.kind != kindRange {
		return p.unexpected(t)
	}
	return p.window(m)
}

// window reads [5m] offset 1h, if it is there.
func (p *parser) window(m *Metric) error {
	t := p.peek()
	if t.kind != kindRange {
		return nil
	}
	m.Range = p.take().duration
	if p.accept("offset") {
		back, err := p.expect(kindDuration)
		if err != nil {
			return err
		}
		m.Offset = back.duration
	}
	if m.Range > maxDuration || m.Offset > maxDuration || m.Offset < -maxDuration {
		return tooBig(t, "ranges and offsets of more than a hundred years")
	}
	return nil
}

// binaryOperators are those between queries, by how tight they bind.
var binaryOperators = map[kind]int{
	"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6,
}

// sum reads a query, or arithmetic of queries.
func (p *parser) sum() (Query, error) { return p.binary(1) }

// binary reads operands joined by operators that bind at least so tight.
func (p *parser) binary(level int) (Query, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		binds, ok := binaryOperators[t.kind]
		if !ok || binds < level {
			return left, nil
		}
		p.take()
		if err := p.modifiers(); err != nil {
			return nil, err
		}
		next := binds + 1
		if t.kind == "^" { // It joins from right to left.
			next = binds
		}
		right, err := p.binary(next)
		if err != nil {
			return nil, err
		}
		if left, err = combine(left, t, right); err != nil {
			return nil, err
		}
	}
}

// modifiers refuses how the series of two metrics are matched.
func (p *parser) modifiers() error {
	switch t := p.peek(); t.kind {
	case "bool", "on", "ignoring":
		return unsupported(t, string(t.kind))
	}
	return nil
}

// combine calculates with two constants.
func combine(left Query, op token, right Query) (Query, error) {
	for i, q := range []Query{left, right} {
		l, isLog := q.(*Log)
		if !isLog {
			continue
		}
		kind, leg := "*syntax.MatchersExpr", "left"
		if len(l.stages) > 0 {
			kind = "*syntax.PipelineExpr"
		}
		if i == 1 {
			leg = "right"
		}
		return nil, &ParseError{Msg: fmt.Sprintf("unexpected type for %s leg of binary operation (%s): %s", leg, op.kind, kind)}
	}
	a, aok := left.(*Constant)
	b, bok := right.(*Constant)
	if !aok || !bok {
		return nil, unsupported(op, "arithmetic with metrics")
	}
	v, ok := calculate(a.Value, op.kind, b.Value)
	if !ok {
		return nil, unsupported(op, "comparisons and sets of constants")
	}
	return &Constant{Value: v, Vector: a.Vector || b.Vector}, nil
}

func calculate(a float64, op kind, b float64) (v float64, ok bool) {
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/":
		return a / b, true
	case "%":
		return math.Mod(a, b), true
	case "^":
		return math.Pow(a, b), true
	}
	return 0, false
}

// operand reads a query without operators around it.
func (p *parser) operand() (Query, error) {
	t := p.peek()
	switch {
	case t.kind == "{":
		return p.log()
	case t.function == "vector":
		return p.vector()
	case t.function != "":
		return p.metric()
	case t.kind == kindNumber:
		p.take()
		return literal(t, 1)
	case t.kind == "-" || t.kind == "+":
		p.take()
		n, err := p.expect(kindNumber)
		if err != nil {
			return nil, err
		}
		if t.kind == "-" {
			return literal(n, -1)
		}
		return literal(n, 1)
	case t.kind == "(":
		p.take()
		if err := p.enter(t); err != nil {
			return nil, err
		}
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		p.depth--
		if t := p.peek(); t.kind != ")" {
			return nil, p.unexpected(t)
		}
		p.take()
		return q, nil
	}
	return nil, p.unexpected(t)
}

func literal(t token, sign float64) (Query, error) {
	if t.err != nil {
		return nil, &ParseError{Msg: "unable to parse literal as a float: " + t.err.Error()}
	}
	return &Constant{Value: sign * t.number}, nil
}

// vector reads vector(1).
func (p *parser) vector() (Query, error) {
	p.take()
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	n, err := p.expect(kindNumber)
	if err != nil {
		return nil, err
	}
	if _, err := p.expect(")"); err != nil {
		return nil, err
	}
	if n.err != nil {
		return nil, &ParseError{Msg: "unable to parse vectorExpr as a float: " + n.err.Error()}
	}
	return &Constant{Value: n.number, Vector: true}, nil
}
