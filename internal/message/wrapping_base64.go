package message

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"managed-thing-updater/internal/printable"
)

// decodeBase64 reads text as the base64 of UTF-8 text: standard or URL alphabet
// (RFC 4648), padding optional, white space ignored. False where it is not that,
// or is that of nothing. UTF-16 is let through: it is named where the text is read.
func decodeBase64(text []byte) ([]byte, bool) {
	packed := bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, text)
	for range 2 {
		packed = bytes.TrimSuffix(packed, []byte("="))
	}
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(packed, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded := make([]byte, encoding.DecodedLen(len(packed)))
	n, err := encoding.Decode(decoded, packed)
	decoded = decoded[:n]
	return decoded, err == nil && n > 0 && (utf8.Valid(decoded) || isUTF16(decoded))
}

// base64Payload reads a member that holds the next document's text in base64.
func base64Payload(o object, member string) payload {
	packed, ok := o.text(member)
	if !ok {
		return brokenPayload(pointerTo(member), "base64 text", "expected a string, got "+kindName(kindOf(o.get(member))))
	}
	text, ok := decodeBase64([]byte(packed))
	if !ok {
		return brokenPayload(pointerTo(member), "base64 text", "not the base64 of UTF-8 text; "+printable.Count(len(packed), "byte"))
	}
	return payload{text: text}
}
