package redisstore

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// readChunks reads what follows a value's first line, into the record and what is
// pending; false if it is not as it was written.
func readChunks(rest string) (record []byte, pending []thingstate.Pending, ok bool) {
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, nil, false
		}
		at, err1 := strconv.ParseInt(fields[0], 10, 64)
		token, err2 := strconv.ParseUint(fields[1], 10, 64)
		length, err3 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil || err3 != nil || length < 0 || length > len(after) {
			return nil, nil, false
		}
		chunk := []byte(after[:length])
		rest = after[length:]
		if token == 0 {
			record = chunk
			continue
		}
		pending = append(pending, thingstate.Pending{Marks: chunk, Token: token, At: time.UnixMilli(at).UTC()})
	}
	return record, pending, true
}

func holder(by thingstate.Holder) string { return hex.EncodeToString(by[:]) }

// readHolder is the zero Holder for what is none.
func readHolder(text string) (by thingstate.Holder) {
	if b, err := hex.DecodeString(text); err == nil {
		copy(by[:], b)
	}
	return by
}

// holders is a list as the scripts keep it: with a comma behind each.
func holders(all []thingstate.Holder) string {
	var b strings.Builder
	for _, by := range all {
		b.WriteString(holder(by) + ",")
	}
	return b.String()
}

func readHolders(list string) (all []thingstate.Holder) {
	for text := range strings.SplitSeq(strings.TrimSuffix(list, ","), ",") {
		if text != "" {
			all = append(all, readHolder(text))
		}
	}
	return all
}
