package fleet

import (
	"fmt"
	"strconv"
	"strings"
)

// capability is a Matter cluster as a capability of managed integrations.
type capability struct {
	id         string // the cluster's, hexadecimal
	properties []string
	actions    []string
	events     []string
}

// Clusters, attributes, commands and events of the Matter 1.4 application
// cluster specification, a part of them.
var capabilityTable = map[string]capability{
	"OnOff":                       {"0x0006", []string{"OnOff", "OnTime", "OffWaitTime", "StartUpOnOff"}, []string{"Off", "On", "Toggle", "OffWithEffect"}, nil},
	"LevelControl":                {"0x0008", []string{"CurrentLevel", "MinLevel", "MaxLevel", "OnLevel"}, []string{"MoveToLevel", "Move", "Step", "Stop"}, nil},
	"ColorControl":                {"0x0300", []string{"CurrentHue", "CurrentSaturation", "ColorTemperatureMireds", "ColorMode"}, []string{"MoveToHue", "MoveToColorTemperature"}, nil},
	"Thermostat":                  {"0x0201", []string{"LocalTemperature", "OccupiedHeatingSetpoint", "OccupiedCoolingSetpoint", "SystemMode"}, []string{"SetpointRaiseLower"}, nil},
	"FanControl":                  {"0x0202", []string{"FanMode", "PercentSetting", "PercentCurrent"}, []string{"Step"}, nil},
	"TemperatureMeasurement":      {"0x0402", []string{"MeasuredValue", "MinMeasuredValue", "MaxMeasuredValue"}, nil, nil},
	"RelativeHumidityMeasurement": {"0x0405", []string{"MeasuredValue", "MinMeasuredValue", "MaxMeasuredValue"}, nil, nil},
	"ElectricalPowerMeasurement":  {"0x0090", []string{"PowerMode", "ActivePower", "Voltage"}, nil, []string{"MeasurementPeriodRanges"}},
	"DoorLock":                    {"0x0101", []string{"LockState", "LockType", "ActuatorEnabled"}, []string{"LockDoor", "UnlockDoor", "UnlockWithTimeout"}, []string{"DoorLockAlarm", "LockOperation", "LockOperationError"}},
	"BooleanState":                {"0x0045", []string{"StateValue"}, nil, []string{"StateChange"}},
	"OccupancySensing":            {"0x0406", []string{"Occupancy", "OccupancySensorType", "HoldTime"}, nil, []string{"OccupancyChanged"}},
	"WindowCovering":              {"0x0102", []string{"Type", "OperationalStatus", "EndProductType", "Mode"}, []string{"UpOrOpen", "DownOrClose", "StopMotion", "GoToLiftPercentage"}, nil},
	"CameraAvStreamManagement":    {"0x0551", []string{"MaxConcurrentEncoders", "NightVision", "ImageRotation"}, []string{"VideoStreamAllocate", "SetStreamPriorities"}, nil},
	"Switch":                      {"0x003B", []string{"NumberOfPositions", "CurrentPosition"}, nil, []string{"InitialPress", "LongPress", "ShortRelease"}},
}

// report is a CapabilityReport. New firmware adds and drops a property.
func (f *Fleet) report(t *thing) string {
	var endpoints []string
	for i := range 1 + f.rand.IntN(t.device.endpoints) {
		var list []string
		for _, name := range t.device.capabilities {
			c := capabilityTable[name]
			properties := c.properties[:1+f.rand.IntN(len(c.properties))]
			list = append(list, object(
				"id", quote("matter."+name+"@1.4"), "name", quote(name), "version", quote("1"),
				"properties", array(quoted(properties)), "actions", array(quoted(c.actions)), "events", array(quoted(c.events)),
			))
		}
		endpoints = append(endpoints, object(
			"id", quote(strconv.Itoa(i+1)), "deviceTypes", array(quoted(t.device.types)), "capabilities", array(list),
		))
	}
	return object("version", quote("1.0.0"), "nodeId", quote(f.hex(16)), "endpoints", array(endpoints))
}

// schemas is a CapabilitySchemas. The documents hold what must come through
// unchanged: null, numbers that no float64 holds, white space.
func (f *Fleet) schemas(t *thing) string {
	var list []string
	for _, name := range t.device.capabilities {
		c := capabilityTable[name]
		var properties []string
		for _, p := range c.properties {
			properties = append(properties, p, object(
				"type", `[ "integer", "null" ]`, "minimum", "0", "maximum", "254.0", "default", "null",
				"$comment", quote("revision "+strconv.Itoa(f.version)),
			))
		}
		list = append(list, object(
			"Format", quote("ZCL"), "CapabilityId", quote("matter."+name+"@1.4"),
			"ExtrinsicId", quote(c.id), "ExtrinsicVersion", strconv.Itoa(1+f.rand.IntN(10)),
			"Schema", object(
				"$id", quote("/schema-versions/capability/matter."+name+"@1.4"), "title", quote(name), "type", `"object"`,
				"x-build", fmt.Sprintf("%d%019d", 1+f.rand.IntN(9), f.rand.Int64N(1e18)), "properties", object(properties...),
			),
		))
	}
	return array(list)
}

func quoted(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = quote(s)
	}
	return out
}

func array(elements []string) string { return "[" + strings.Join(elements, ",") + "]" }
