package message

// Receives is how often a message was received, a letter's life before it was
// moved back included. It reads the attributes only.
func Receives(in Incoming) int {
	if letter := letterOf(in.Attributes); letter != nil {
		return max(in.Receives, letter.Receives)
	}
	return in.Receives
}

// Undecoded is what the attributes alone say of a message whose body is not to be
// looked at. Key and TimeFrom are empty where they say nothing: the body may, and
// a letter of the message must not claim to know better. A time that no worker
// stamped is left to be read from its attribute when the letter comes back, and
// held against the bounds then.
func Undecoded(in Incoming) Update {
	u := identify(in, nil, Options{})
	if !timeStamped(u.Letter) {
		u.TimeFrom = ""
	}
	if u.Key == sqsKey(u.Order) {
		u.Key = ""
	}
	return u
}
