package config

import (
	"fmt"
	"strings"
)

//go:generate go run ./settingsdoc ../../docs/settings.md

// Markdown is docs/settings.md.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString(`# Settings

<!-- Made by "make docs" from internal/config/settings.go. Do not edit. -->

Each setting is an environment variable and a flag of ` + "`worker run`" + `; a flag wins.
` + "`worker config`" + ` shows the settings in force and where each came from. All wrong
settings are reported together, and the exit code is 2. A variable that starts with
` + "`WORKER_`" + ` and is none of these is warned about.

White space around a value is ignored. An empty value is the default, but for
` + emptyMeans() + `.

- **Durations**: ` + "`200ms`, `90s`, `1h30m`, `28d`, `1d12h`" + `; a day is 24 hours. A number without a unit is refused, but for ` + "`0`" + `.
- **Sizes**: bytes, or with a unit: ` + "`10MB`" + ` is 10,000,000 bytes, ` + "`10MiB`" + ` 10,485,760.

Credentials, Region and endpoints are the AWS SDK's own settings: ` + "`AWS_REGION`, `AWS_PROFILE`,\n`AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS`, `AWS_ENDPOINT_URL_DYNAMODB`,\n`AWS_USE_FIPS_ENDPOINT`" + `, and the roles of ECS, EKS Pod Identity and IRSA.

| variable | flag | default |
|---|---|---|
`)
	for _, s := range Settings {
		fmt.Fprintf(&b, "| [`%s`](#%s) | `--%s` | %s |\n", s.Name, strings.ToLower(s.Name), s.Flag(), s.defaultText())
	}
	for _, s := range Settings {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", s.Name, s.Doc)
		fmt.Fprintf(&b, "- Flag: `--%s`\n- Unit: %s\n- Allowed: %s\n- Default: %s\n", s.Flag(), s.Unit, s.Allowed, s.defaultText())
	}
	return []byte(b.String())
}

func (s Setting) defaultText() string {
	switch {
	case s.Required:
		return "none: it is required"
	case s.DefaultWords != "":
		return s.DefaultWords
	}
	return "`" + s.Default + "`"
}

// emptyMeans names the settings for which an empty value is a value.
func emptyMeans() string {
	var names []string
	for _, s := range Settings {
		if s.EmptyMeans {
			names = append(names, "`"+s.Name+"`")
		}
	}
	return strings.Join(names, ", ")
}
