package logql

import (
	"math"
	"strings"
)

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
