package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"managed-thing-updater/internal/config"
)

// addSettings makes a flag of each setting that is asked for; of every one where
// none is named. After parsing, the function it returns gives the flags that
// were set, for config.Load.
func addSettings(flags *pflag.FlagSet, names ...string) func() map[string]string {
	flags.SortFlags = false // the table's order is the one to read
	values := make(map[string]*settingFlag)
	for _, s := range config.Settings {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		values[s.Flag()] = &settingFlag{unit: s.Unit}
		flags.Var(values[s.Flag()], s.Flag(), usage(s))
	}
	return func() map[string]string {
		set := make(map[string]string)
		for name, v := range values {
			if flags.Changed(name) {
				set[name] = v.text
			}
		}
		return set
	}
}

// one wants just one argument.
func one(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("it takes one %s, and got %d", name, len(args))
		}
		return nil
	}
}

// guide is a link to another guide, as the settings' own has it.
var guide = regexp.MustCompile(`\[[^]]*\]\(([a-z-]+\.md)\)`)

func usage(s config.Setting) string {
	text := s.Doc
	switch {
	case s.Required:
		text += " Required."
	case s.DefaultWords != "":
		text += " Default: " + s.DefaultWords + "."
	default:
		text += " Default: " + s.Default + "."
	}
	text = guide.ReplaceAllString(text, "docs/$1")
	// pflag takes a word in backquotes for the name of the value.
	return strings.ReplaceAll(text+" ["+s.Name+"]", "`", "")
}

// settingFlag is a flag that keeps its text; config.Load judges it, together with
// all other settings.
type settingFlag struct{ unit, text string }

func (f *settingFlag) String() string        { return "" }
func (f *settingFlag) Type() string          { return f.unit }
func (f *settingFlag) Set(text string) error { f.text = text; return nil }
