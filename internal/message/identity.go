package message

// source is something that may say which event a message is, and when it
// happened.
type source struct {
	key    string // dedup key with its origin; empty: it says none
	time   eventTime
	from   TimeSource
	inBody bool // it comes back with the body, whatever becomes of the attributes
}

// identify decides which event a message is: its dedup key, its place in the
// order and how often it was received.
func identify(in Incoming, envelopes []envelope, o Options) Update {
	u := Update{
		Receives: in.Receives,
		Order:    Order{Sequence: in.SequenceNumber, SentAt: in.SentAt, MessageID: in.ID},
	}
	sources, letter := sourcesOf(in, envelopes)
	if letter != nil {
		u.Letter = letter
		u.Receives = max(in.Receives, letter.Receives)
		// Moved between queues it has got a new id, number and sent time, which
		// say nothing of the event.
		u.Order = Order{Sequence: letter.SequenceNumber, SentAt: rfc3339(letter.SentAt).at, MessageID: letter.MessageID}
	}
	for _, s := range sources {
		if u.Key == "" {
			u.Key = s.key
		}
		if u.TimeFrom == "" && s.time.given {
			if s.time.readable {
				u.Order.EventTime, u.TimeFrom, u.bodyHasTime = s.time.at, s.from, s.inBody
			} else {
				u.TimeIgnored = TimeUnreadable
			}
		}
	}
	if u.Key == "" {
		u.Key = sqsKey(u.Order)
	}
	if u.TimeFrom == "" {
		u.useSentTime(u.TimeIgnored)
	}
	switch age := u.Order.SentAt.Sub(u.Order.EventTime); {
	case age < 0:
		u.useSentTime(TimeAfterSent)
	case o.MaxEventAge > 0 && age > o.MaxEventAge && !timeStamped(letter):
		u.useSentTime(TimeTooOld)
	}
	return u
}

// sqsKey is the dedup key of a message that brings none: SQS's own MessageId, on
// a letter that of the message it was made of.
func sqsKey(o Order) string { return boundKey(originSQS, o.MessageID) }

// timeStamped and keyStamped report whether a worker wrote the event time and the
// dedup key on a letter. Of a message that it dared not look into it did not, so
// these are still the producer's, if anybody's.
func timeStamped(letter *Failure) bool { return letter != nil && letter.OccurredAt != "" }
func keyStamped(letter *Failure) bool  { return letter != nil && letter.DedupKey != "" }

func (u *Update) useSentTime(why TimeFault) {
	u.Order.EventTime, u.TimeFrom, u.TimeIgnored, u.bodyHasTime = u.Order.SentAt, TimeFromSent, why, false
}

// sourcesOf lists what speaks of the event, of which the first that has an answer
// counts: the message's own attributes; those inside the envelopes, from the
// innermost outwards; the envelopes themselves, from the innermost outwards.
// Where none has one, SQS's own counts. The letter is the first Failure of ours
// among the attributes.
func sourcesOf(in Incoming, envelopes []envelope) (sources []source, letter *Failure) {
	sources, letter = appendAttributes(nil, in.Attributes, false)
	for i := len(envelopes) - 1; i >= 0; i-- {
		if attributes := envelopes[i].attributes; attributes != nil {
			var inner *Failure
			if sources, inner = appendAttributes(sources, attributes, true); letter == nil {
				letter = inner
			}
		}
	}
	for i := len(envelopes) - 1; i >= 0; i-- {
		e := envelopes[i]
		sources = append(sources, source{key: e.key, time: e.time, from: TimeFromWrapping, inBody: true})
	}
	return sources, letter
}

// appendAttributes appends what one set of message attributes says. What a
// worker stamped on a letter says everything: where one of its attributes is
// gone, its Failure still has the value.
func appendAttributes(sources []source, attributes map[string]Attribute, inBody bool) ([]source, *Failure) {
	if len(attributes) == 0 {
		return sources, nil
	}
	letter := letterOf(attributes)
	s := source{time: occurredAt(attributes), from: TimeFromAttribute, inBody: inBody}
	if id, ok := stringAttribute(attributes, AttributeDeduplicationID); ok {
		if keyStamped(letter) {
			s.key = boundWholeKey(id)
		} else {
			s.key = boundKey("attribute", id)
		}
	}
	sources = append(sources, s)
	if letter != nil && letter.OccurredAt != "" {
		sources = append(sources, source{time: rfc3339(letter.OccurredAt), from: TimeFromAttribute, inBody: inBody})
	}
	if letter != nil && letter.DedupKey != "" {
		sources = append(sources, source{key: boundWholeKey(letter.DedupKey)})
	}
	return sources, letter
}

// occurredAt reads the attribute of that name: a String is RFC 3339, a Number
// milliseconds since the epoch.
func occurredAt(attributes map[string]Attribute) eventTime {
	a, ok := attributes[AttributeOccurredAt]
	switch {
	case !ok:
		return eventTime{}
	case a.kind() == "String":
		return rfc3339(a.StringValue)
	case a.kind() == "Number":
		return epoch(a.StringValue, nanosecondsPerMillisecond)
	}
	return eventTime{given: true}
}
