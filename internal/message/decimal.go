package message

import (
	"math/big"
	"strconv"
	"strings"
)

// decimal is a number as it is written, exact: digits × 10^exponent.
type decimal struct {
	negative bool
	digits   string // no zeros at either end; empty: the number is 0
	exponent int    // within ±maxExponent
}

// maxExponent bounds exponents: what is beyond is as good as infinite, or 0.
const maxExponent = 1 << 30

// parseDecimal reads an optional sign, digits with an optional point, and an
// optional exponent: every JSON number, and every Number attribute of SQS.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		d.negative, s = true, rest
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		exponent, ok := parseExponent(s[at+1:])
		if !ok {
			return decimal{}, false
		}
		d.exponent, s = exponent, s[:at]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.digits = whole + fraction
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return decimal{}, false
	}
	d.exponent -= len(fraction)
	trimmed := strings.TrimRight(d.digits, "0")
	d.exponent += len(d.digits) - len(trimmed)
	d.digits = strings.TrimLeft(trimmed, "0")
	d.exponent = min(max(d.exponent, -maxExponent), maxExponent)
	return d, true
}

func parseExponent(s string) (int, bool) {
	if digits := strings.TrimLeft(s, "+-"); digits == "" || len(s)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil { // out of range: Atoi returns the nearest int
		n = min(max(n, -maxExponent), maxExponent)
	}
	return n, true
}

// whole reports whether d has no fraction.
func (d decimal) whole() bool { return d.digits == "" || d.exponent >= 0 }

// times10 returns d × 10^n, rounded down; false where that has over 40 digits.
func (d decimal) times10(n int) (*big.Int, bool) {
	exponent := d.exponent + n
	digits, fraction := d.digits, false
	switch {
	case digits == "":
		return new(big.Int), true
	case len(digits)+exponent > 40:
		return nil, false
	case exponent >= 0:
		digits += strings.Repeat("0", exponent)
	default: // the last digit, which is not 0, falls behind the point
		digits, fraction = "0"+digits[:max(0, len(digits)+exponent)], true
	}
	v, ok := new(big.Int).SetString(digits, 10)
	if d.negative {
		v.Neg(v)
		if fraction {
			v.Sub(v, big.NewInt(1))
		}
	}
	return v, ok
}
