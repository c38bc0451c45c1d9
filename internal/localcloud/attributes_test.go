package localcloud

import "testing"

// The sums are those in moto's tests/test_sqs/test_sqs.py.
func TestAttributesMD5(t *testing.T) {
	for sum, a := range map[string]attribute{
		"235c5c510d26fb653d073faed50ae77c": {"timestamp", Attribute{DataType: "Number", StringValue: "1493147359900"}},
		"2e2e4876d8e0bd6b8c2c8f556831c349": {"timestamp", Attribute{DataType: "Number.java.lang.Long", StringValue: "1493147359900"}},
	} {
		if got := attributesMD5([]attribute{a}); got != sum {
			t.Errorf("%v: %s, want %s", a, got, sum)
		}
	}
}
