package localcloud

import (
	"cmp"
	"crypto/md5" // what SQS's protocol uses, as a checksum
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxAttributes = 10

type attribute struct {
	name string
	Attribute
}

func (a *attribute) binary() bool { return strings.HasPrefix(a.DataType, "Binary") }

func (a *attribute) size() int {
	return len(a.name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
}

var (
	attributeName = regexp.MustCompile(`\A[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z`)
	attributeType = regexp.MustCompile(`\A(String|Number|Binary)(\.[^\x00-\x1f]{1,})?\z`)
)

// checkAttributes returns the attributes by name, or what SQS refuses.
func checkAttributes(attrs map[string]Attribute) ([]attribute, *sqsError) {
	if len(attrs) > maxAttributes {
		return nil, sender("InvalidParameterValue", "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attrs), maxAttributes)
	}
	out := make([]attribute, 0, len(attrs))
	for name, a := range attrs {
		lower := strings.ToLower(name)
		switch {
		case len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
			return nil, sender("InvalidParameterValue", "The message attribute name '%s' is invalid: A-Za-z0-9_-. up to 256 characters, no period at either end or twice in a row, not starting with AWS. or Amazon.", name)
		case len(a.DataType) > 256 || !attributeType.MatchString(a.DataType):
			return nil, sender("InvalidParameterValue", "The type of message attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
		}
		found := attribute{name: name, Attribute: a}
		if found.binary() && len(a.BinaryValue) == 0 || !found.binary() && a.StringValue == "" {
			return nil, sender("InvalidParameterValue", "The message attribute '%s' must contain a non-empty value of its type '%s'.", name, a.DataType)
		}
		if !validCharacters(a.StringValue) {
			return nil, invalidContents()
		}
		if strings.HasPrefix(a.DataType, "Number") && !isNumber(a.StringValue) {
			return nil, sender("InvalidParameterValue", "Could not cast message attribute '%s' value to number.", name)
		}
		out = append(out, found)
	}
	slices.SortFunc(out, func(a, b attribute) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

func isNumber(s string) bool {
	_, ok := new(big.Rat).SetString(s)
	return ok && len(s) <= 256 && !strings.ContainsAny(s, "/_xXpP")
}

// attributesMD5 is MD5OfMessageAttributes: of each attribute by name its name,
// type, 1 for text or 2 for binary, and value, those of variable length after
// their length in 4 bytes (AWS, "Amazon SQS message metadata").
func attributesMD5(attrs []attribute) string {
	if len(attrs) == 0 {
		return ""
	}
	h := md5.New()
	for i := range attrs {
		a := &attrs[i]
		writeCounted(h, a.name)
		writeCounted(h, a.DataType)
		if a.binary() {
			h.Write([]byte{2})
			writeCounted(h, string(a.BinaryValue))
		} else {
			h.Write([]byte{1})
			writeCounted(h, a.StringValue)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeCounted(h hash.Hash, s string) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
	h.Write([]byte(s))
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// validCharacters reports whether SQS takes the text: XML 1.0's characters
// (W3C, "Extensible Markup Language (XML) 1.0", 2.2).
func validCharacters(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

func invalidContents() *sqsError {
	return modelled("InvalidMessageContents", "InvalidMessageContents", "The message contains characters outside the allowed set: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.")
}
