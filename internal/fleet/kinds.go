package fleet

import (
	"fmt"
	"strconv"
	"strings"

	"managed-thing-updater/internal/message"
)

// The kinds of messages.
const (
	onboard      = "onboard"      // a new device, with all that is known of it
	metadata     = "metadata"     // MetaData
	rename       = "rename"       // Name
	capabilities = "capabilities" // CapabilityReport, after new firmware
	schemas      = "schemas"      // CapabilitySchemas
	wifi         = "wifi"         // WiFiSimpleSetupConfiguration
	network      = "network"      // HubNetworkMode
	owner        = "owner"        // Owner and CredentialLockerId: it changed hands
	legacy       = "legacy"       // Capabilities, from a producer that was never updated
	nothing      = "nothing"      // an Identifier alone
	again        = "again"        // an earlier message, once more
	missing      = "missing"      // for a thing that does not exist
	refused      = "refused"      // with RefusedName
	broken       = "broken"       // one of the kinds in broken.go
)

var kindWeights = []weight{
	{metadata, 60},
	{rename, 34},
	{onboard, 22},
	{capabilities, 20},
	{again, 14},
	{wifi, 10},
	{schemas, 8},
	{broken, 10},
	{owner, 6},
	{network, 6},
	{legacy, 4},
	{nothing, 3},
	{refused, 2},
	{missing, 1},
}

var twistWeights = []weight{
	{"", 74}, {"late", 12}, {"very late", 3}, {"delayed", 5}, {"clock at 1970", 3}, {"clock at 2090", 3},
}

var (
	rooms = []string{"hall", "kitchen", "living room", "bedroom", "bath", "attic", "Büro", "garage", "客厅"}
	names = []string{"light", "lamp", "plug", "Küche Decke", "Entrée", "porch", "リビング", "desk_2", "v1.2 test"}
)

// members makes up what a message of this kind sets.
func (f *Fleet) members(kind string, t *thing) []message.Member {
	f.version++
	switch kind {
	case onboard:
		return []message.Member{
			member("Owner", quote(f.ownerOf(t))),
			member("SerialNumber", quote(t.serial)),
			member("Brand", quote(t.brand)),
			member("Model", quote(t.model)),
			member("Name", f.name()),
			member("Classification", quote(t.device.classification)),
			member("CapabilityReport", f.report(t)),
			member("MetaData", f.metadata(t)),
		}
	case rename:
		return []message.Member{member("Name", f.name())}
	case capabilities:
		return []message.Member{member("CapabilityReport", f.report(t))}
	case schemas:
		return []message.Member{member("CapabilitySchemas", f.schemas(t))}
	case wifi:
		return []message.Member{member("WiFiSimpleSetupConfiguration", f.wifi())}
	case network:
		mode := "STANDARD"
		if f.chance(2) {
			mode = "NETWORK_WIDE_EXCLUSION"
		}
		return []message.Member{member("HubNetworkMode", quote(mode))}
	case owner:
		return []message.Member{member("Owner", quote(f.ownerOf(t))), member("CredentialLockerId", quote(f.hex(20)))}
	case legacy:
		return []message.Member{member("Capabilities", quote(fmt.Sprintf("{\n  'OnOff': {'version': %d}\n}", f.version)))}
	case nothing:
		return nil
	case refused:
		return []message.Member{member("Name", quote(RefusedName))}
	}
	return []message.Member{member("MetaData", f.metadata(t))} // metadata and missing
}

func member(name, value string) message.Member {
	return message.Member{Name: name, Value: []byte(value)}
}

func (f *Fleet) ownerOf(t *thing) string {
	return t.home + "." + strconv.Itoa(f.rand.IntN(5)) + "@example"
}

// name is a Name in JSON; some serialisers escape what is not ASCII.
func (f *Fleet) name() string {
	quoted := quote(fmt.Sprintf("%s %d", names[f.rand.IntN(len(names))], f.version))
	if f.chance(2) {
		return quoted
	}
	var b strings.Builder
	for _, r := range quoted {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r) // all of names is in the basic plane
		}
	}
	return b.String()
}

// metadata is what the thing's own producer writes, always the same keys; a
// second producer, which sets two of them and one of its own, writes now and
// then.
func (f *Fleet) metadata(t *thing) string {
	room := rooms[f.rand.IntN(len(rooms))]
	if f.chance(6) {
		return object("room", quote(room), "tag:"+t.home, quote(strconv.Itoa(f.version)))
	}
	return object(
		"room", quote(room),
		"firmware", quote(fmt.Sprintf("%d.%d.%d", 1+f.version/1000, f.version/100%10, f.version%100)),
		"signal", quote(strconv.Itoa(-30-f.rand.IntN(60))+" dBm"),
		"installed-by", quote("installer #"+strconv.Itoa(f.rand.IntN(20))),
	)
}

func (f *Fleet) wifi() string {
	timeout := strconv.Itoa(5 + f.rand.IntN(11))
	if f.chance(4) {
		timeout += ".0"
	}
	return object("EnableAsProvisioner", strconv.FormatBool(f.chance(2)), "EnableAsProvisionee", "true", "TimeoutInMinutes", timeout)
}
