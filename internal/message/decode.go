package message

import "time"

// Options are the settings that change what a message means.
type Options struct {
	// MaxEventAge is how long before it was sent an event may have happened; an
	// older event time is taken for a clock that was never set, and the sent
	// time counts. 0: any age is believed.
	MaxEventAge time.Duration
}

// Decode reads one message. It never fails as a whole: the update always carries
// the best known Key, Order, Receives, TimeFrom, TimeIgnored, Wrappings and
// Letter, so that an invalid message can be dead-lettered with them; Thing and
// Members are set only where there is no fault.
//
// Faults come document by document, outermost first, and in each sorted by
// pointer: at most MaxFaults of them, then one that says how many more there
// are. None holds the value of a sensitive member.
func Decode(in Incoming, o Options) (Update, []Fault) {
	p := unwrap(bytesOf(in.Body))
	u := identify(in, p.envelopes, o)
	u.Wrappings = p.wrappings
	var thing string
	var members []Member
	if p.request != nil {
		var findings []finding
		if shape := knownShape(p.request); shape != "" {
			findings = []finding{found("", ruleUpdate, shape)}
		} else {
			thing, members, findings = validate(p.request, p.repeated)
		}
		p.faults.add(p.wrappings, findings)
	}
	faults := p.faults.all()
	if len(faults) == 0 {
		u.Thing, u.Members = thing, members
	}
	return u, faults
}
