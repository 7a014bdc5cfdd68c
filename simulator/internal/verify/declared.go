package verify

import "slices"

// maxDeclarations bounds the memory for gaps. Beyond it the oldest are forgotten: what is missing from a stream that has not come since then
// is taken for declared.
const maxDeclarations = 4096

// declaration is one gap that the follower declared.
type declaration struct {
	// left are the lines of it that nothing missing has needed yet, if it said how many.
	left    uint64
	unknown bool // how many is unknown
	certain bool
	// used is set when something was missing there.
	used bool
	// early is set for one before the first line of a stream: nobody knows what was there.
	early bool
}

// declarations are gaps in the order in which they came.
type declarations struct {
	list []declaration
	// base is how many are forgotten. The number of a declaration counts them, too.
	base int
	// empty and over are the judgement on those that are forgotten.
	empty, over uint64
}

// end returns the number of the next declaration.
func (d *declarations) end() int { return d.base + len(d.list) }

// explain returns how many of n lines that are missing the declarations from a number on explain. Those that say how many are used up by that.
func (d *declarations) explain(from int, n uint64) uint64 {
	if from < d.base {
		return n
	}
	rest, unknown := n, false
	for i := range d.list[from-d.base:] {
		e := &d.list[from-d.base+i]
		if e.unknown {
			unknown, e.used = true, true
			continue
		}
		took := min(rest, e.left)
		rest -= took
		e.left -= took
		e.used = e.used || took > 0
	}
	if unknown {
		return n
	}
	return n - rest
}

// clone returns a copy to try something on.
func (d *declarations) clone() *declarations {
	c := *d
	c.list = slices.Clone(d.list)
	return &c
}

// beginning is told that a stream begins here.
func (d *declarations) beginning() {
	for i := range d.list {
		d.list[i].early = true
	}
}

// judge returns, of the declarations before a number, how many were made where nothing was missing, and how many lines all of them
// declared that were not missing.
func (d *declarations) judge(before int) (empty, over uint64) {
	empty, over = d.empty, d.over
	for _, e := range d.list[:max(min(before-d.base, len(d.list)), 0)] {
		switch {
		case e.early || !e.certain:
		case !e.used:
			empty++
			over += e.left
		default:
			over += e.left
		}
	}
	return empty, over
}

// add appends a declaration. passed is what all streams have passed.
func (d *declarations) add(e declaration, passed func() int) {
	if len(d.list) >= maxDeclarations {
		until := passed()
		d.empty, d.over = d.judge(until)
		n := max(until-d.base, maxDeclarations/2)
		d.base += n
		d.list = slices.Delete(d.list, 0, n)
	}
	d.list = append(d.list, e)
}
