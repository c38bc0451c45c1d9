package redisstore

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// readItem reads a value, of which the script has seen the first line; false
// where it is not as it was written. No value at all is an empty item.
func readItem(value string) (thingstate.Item, bool) {
	var item thingstate.Item
	if value == "" {
		return item, true
	}
	header, rest, _ := strings.Cut(value, "\n")
	var format, token, until uint64
	var holder string
	var pending int
	if _, err := fmt.Sscanf(header, "%d %d %d %s %d", &format, &token, &until, &holder, &pending); err != nil {
		return item, false
	}
	if by, err := hex.DecodeString(holder); err == nil {
		copy(item.By[:], by)
	}
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return item, false
		}
		at, err1 := strconv.ParseInt(fields[0], 10, 64)
		token, err2 := strconv.ParseUint(fields[1], 10, 64)
		length, err3 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil || err3 != nil || length < 0 || length > len(after) {
			return item, false
		}
		chunk := []byte(after[:length])
		rest = after[length:]
		if token == 0 {
			item.Record = chunk
			continue
		}
		item.Pending = append(item.Pending, thingstate.Pending{Marks: chunk, Token: token, At: time.UnixMilli(at).UTC()})
	}
	return item, true
}
