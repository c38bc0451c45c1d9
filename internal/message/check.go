package message

import (
	"bytes"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// checker holds a request against the compiled schema, in one pass over its text. It
// knows every keyword that stands in schema.json.
//
// The text was read strictly before: what is known of it is not found again.
type checker struct {
	repeated bool // some object names a member twice; the last one counts

	path     []string          // of the object whose members are checked
	member   *Member           // the one that is looked at; nil: the object itself
	dec      *jsontext.Decoder // reads the member's value; nil if it has nothing inside
	findings []finding
}

// members checks the members of an object one by one. None of their names stands twice.
func (c *checker) members(members object, s *jsonschema.Schema, raw []byte) {
	o := openObject{schema: s}
	for i, m := range members {
		c.member = &members[i]
		if part := c.name(&o, m.Name); part != nil {
			c.value(m.Value, part)
		}
	}
	c.member = nil
	c.close(&o, raw)
}

func (c *checker) value(raw []byte, s *jsonschema.Schema) {
	if kind := kindOf(raw); kind != '{' && kind != '[' {
		c.raw(raw, s)
		return
	}
	c.dec = decoders.Get().(*jsontext.Decoder)
	c.dec.Reset(bytes.NewBuffer(raw), lenient...)
	c.next(s)
	decoders.Put(c.dec)
	c.dec = nil
}

// next checks the next value that dec reads. What the schema does not look into is
// passed over.
func (c *checker) next(s *jsonschema.Schema) {
	switch kind := c.dec.PeekKind(); {
	case kind != '{' && kind != '[' || !allows(s, kind):
		c.raw(c.read(), s)
	case kind == '{' && (s.Properties != nil || valuesOf(s) != nil):
		c.object(s)
	case kind == '[' && s.Items2020 != nil:
		c.array(s)
	default:
		c.read()
	}
}

func (c *checker) object(s *jsonschema.Schema) {
	if c.repeated {
		raw := c.read()
		inside := checker{repeated: true, path: c.place()}
		inside.members(lastOfEach(raw), s, raw)
		c.findings = append(c.findings, inside.findings...)
		return
	}
	_, _ = c.dec.ReadToken()
	start := c.dec.InputOffset() - 1
	o := openObject{schema: s}
	for c.more('}') {
		name, _ := viewOf(c.read())
		if part := c.name(&o, name); part != nil {
			c.next(part)
		} else {
			c.read()
		}
	}
	_, _ = c.dec.ReadToken()
	c.close(&o, c.since(start))
}

func (c *checker) array(s *jsonschema.Schema) {
	_, _ = c.dec.ReadToken()
	start := c.dec.InputOffset() - 1
	length := 0
	for c.more(']') {
		length++
		if s.MaxItems != nil && length > *s.MaxItems+1 { // one over the limit shows that the list is too long
			c.read()
			continue
		}
		c.next(s.Items2020)
	}
	_, _ = c.dec.ReadToken()
	if outside(length, s.MinItems, s.MaxItems) {
		c.breaks(between(s.MinItems, s.MaxItems)+" items", c.since(start))
	}
}

// more reports whether something stands before the end of an object or array.
func (c *checker) more(end jsontext.Kind) bool {
	kind := c.dec.PeekKind()
	return kind != end && kind != jsontext.KindInvalid // which is unreachable
}

// read is the next value, raw.
func (c *checker) read() []byte {
	raw, _ := c.dec.ReadValue()
	return within(c.member.Value, c.dec, raw)
}

// since is what dec has read from an offset on.
func (c *checker) since(start int64) []byte { return c.member.Value[start:c.dec.InputOffset()] }

// raw checks a value that has nothing inside, or is of a kind that is not allowed.
func (c *checker) raw(raw []byte, s *jsonschema.Schema) {
	switch kind := kindOf(raw); {
	case !allows(s, kind):
		c.mistyped(raw, s)
	case kind == '"':
		text, _ := viewOf(raw)
		for _, rule := range brokenBy(text, s) {
			c.breaks(rule, raw)
		}
	case kind == '0':
		c.number(raw, s)
	}
}

// number checks a number as it is written: a float64 would round it.
func (c *checker) number(raw []byte, s *jsonschema.Schema) {
	d, _ := parseDecimal(textOf(raw))
	if s.Types != nil && *s.Types&numberType == 0 && !d.whole() {
		c.mistyped(raw, s)
		return
	}
	if s.Minimum == nil { // an integer has both bounds or none
		return
	}
	n, ok := d.times10(0)
	if ok {
		exact := new(big.Rat).SetInt(n)
		ok = exact.Cmp(s.Minimum) >= 0 && exact.Cmp(s.Maximum) <= 0
	}
	if !ok {
		c.breaks(s.Minimum.RatString()+" to "+s.Maximum.RatString(), raw)
	}
}

func outside(n int, least, most *int) bool {
	return least != nil && n < *least || most != nil && n > *most
}

// openObject is an object whose members are held against its schema, one by one.
type openObject struct {
	schema   *jsonschema.Schema
	length   int
	required uint64 // a bit for each of schema.Required that was seen
}

// name checks a member's name. It returns what describes the value; nil if nothing
// does.
func (c *checker) name(o *openObject, name string) *jsonschema.Schema {
	o.length++
	s := o.schema
	if at := slices.Index(s.Required, name); at >= 0 {
		o.required |= 1 << at
	}
	if s.PropertyNames != nil {
		for _, rule := range brokenBy(name, s.PropertyNames) {
			c.add(c.place(), "key of "+rule, func() string { return "the key: " + describeText(name) })
		}
	}
	if part, known := s.Properties[name]; known {
		return part
	}
	if s.AdditionalProperties == false {
		c.add(c.place(), "unknown member", func() string { return unknownMember(name, s.Properties) })
	}
	return valuesOf(s)
}

// close checks what can be said only when all members are known.
func (c *checker) close(o *openObject, raw []byte) {
	s := o.schema
	for i, name := range s.Required {
		if o.required&(1<<i) == 0 {
			c.add(append(c.place(), name), "required member", func() string { return "missing" })
		}
	}
	if outside(o.length, s.MinProperties, s.MaxProperties) {
		c.breaks(between(s.MinProperties, s.MaxProperties)+" entries", raw)
	}
}
