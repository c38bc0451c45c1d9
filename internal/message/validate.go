package message

// validate holds a request against the schema. It returns the thing and the
// members to set, or what is wrong; the members' values are request's own, their
// names are not. If repeated is set, some object in it names a member twice.
func validate(request object, repeated bool) (thing string, members []Member, findings []finding) {
	present := make(object, 0, len(request))
	var at map[string]int
	if repeated {
		at = map[string]int{}
	}
	for _, m := range request {
		if kindOf(m.Value) != 'n' { // at the top level null is absent: many serialisers write it so
			present = present.with(m, at)
		}
	}
	r := compiled()
	c := checker{repeated: repeated}
	if c.members(present, r.root, nil); len(c.findings) > 0 {
		return "", nil, c.findings
	}
	members = present[:0]
	for _, m := range present {
		if m.Name == "Identifier" {
			thing, _ = stringOf(m.Value) // a copy: it outlives the message
		} else {
			members = append(members, Member{Name: r.names[m.Name], Value: m.Value})
		}
	}
	return thing, members, nil
}
