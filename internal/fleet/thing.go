package fleet

import (
	"fmt"
	"math"
	"strings"
)

// thing is one device.
type thing struct {
	id     string
	device device
	brand  string
	model  string
	serial string
	home   string
}

// device is a kind of thing: its classification and what it can do.
type device struct {
	name           string
	classification string
	types          []string // Matter device types of an endpoint
	capabilities   []string // names in the capability table
	endpoints      int
}

var devices = []device{
	{"Hub", "HUB", []string{"Aggregator"}, []string{"OnOff", "Switch"}, 12},
	{"Bulb", "LIGHT", []string{"ColorTemperatureLight", "DimmableLight"}, []string{"OnOff", "LevelControl", "ColorControl"}, 1},
	{"Strip", "LIGHT", []string{"ExtendedColorLight"}, []string{"OnOff", "LevelControl", "ColorControl"}, 2},
	{"Plug", "SMART_PLUG", []string{"OnOffPlugInUnit"}, []string{"OnOff", "ElectricalPowerMeasurement"}, 1},
	{"Thermostat", "THERMOSTAT", []string{"Thermostat"}, []string{"Thermostat", "TemperatureMeasurement", "RelativeHumidityMeasurement", "FanControl"}, 1},
	{"Lock", "LOCK", []string{"DoorLock"}, []string{"DoorLock", "BooleanState"}, 1},
	{"Camera", "CAMERA", []string{"Camera"}, []string{"CameraAvStreamManagement", "OccupancySensing", "OnOff"}, 1},
	{"Blind", "BLIND", []string{"WindowCovering"}, []string{"WindowCovering", "LevelControl"}, 1},
	{"Sensor", "SENSOR", []string{"ContactSensor", "OccupancySensor"}, []string{"BooleanState", "OccupancySensing", "TemperatureMeasurement"}, 2},
}

var brands = []string{"Lumenwerk", "Nordlys", "Casa-Nova", "Thermia Home", "Hearth_and_Co", "Kumo", "Brightline 2"}

func (f *Fleet) newThing() *thing {
	d := devices[0]
	if len(f.things)%10 != 0 { // a hub to every ten things, the first among them
		d = devices[1+f.rand.IntN(len(devices)-1)]
	}
	t := &thing{
		device: d,
		brand:  brands[f.rand.IntN(len(brands))],
		model:  fmt.Sprintf("%s %c%d", d.name, 'A'+rune(f.rand.IntN(6)), 100+f.rand.IntN(900)),
		serial: strings.ToUpper(f.hex(4)) + "-" + fmt.Sprintf("%08d", f.rand.IntN(1e8)),
		home:   fmt.Sprintf("home-%03d", len(f.things)/8),
	}
	switch f.rand.IntN(6) {
	case 0:
		t.id = "mac:" + f.hex(12) // what a path has to escape
	case 1:
		t.id = d.name + "_" + f.hex(6) + "-" + f.hex(4)
	default:
		t.id = f.hex(22)
	}
	return t
}

// pick chooses the thing that a message is about: a few are chattier than all
// others together.
func (f *Fleet) pick(kind string) *thing {
	chatty := int(math.Pow(f.rand.Float64(), 3) * float64(len(f.things)))
	switch kind {
	case onboard:
		return f.things[f.rand.IntN(len(f.things))]
	case network:
		return f.things[chatty/10*10] // a hub
	case refused:
		return f.things[1]
	}
	return f.things[chatty]
}

func (f *Fleet) chance(in int) bool { return f.rand.IntN(in) == 0 }

// hex is n random hexadecimal digits.
func (f *Fleet) hex(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("0123456789abcdef"[f.rand.IntN(16)])
	}
	return b.String()
}

func (f *Fleet) uuid() string {
	return f.hex(8) + "-" + f.hex(4) + "-4" + f.hex(3) + "-a" + f.hex(3) + "-" + f.hex(12)
}
