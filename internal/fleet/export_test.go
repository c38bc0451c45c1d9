package fleet

// Kinds lists the kinds of all messages that a fleet makes.
func Kinds() []string {
	var kinds []string
	for _, w := range kindWeights {
		if w.kind != broken {
			kinds = append(kinds, w.kind)
		}
	}
	for _, b := range faults {
		kinds = append(kinds, b.kind)
	}
	return kinds
}
