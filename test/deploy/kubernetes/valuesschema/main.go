// Valuesschema brings the settings in the chart's schema of values up to date:
//
//	go run ./valuesschema ../../../deploy/kubernetes/chart/values.schema.json
package main

import (
	"fmt"
	"os"

	kubernetes "managed-thing-updater/test/deploy/kubernetes"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: valuesschema FILE")
		os.Exit(2)
	}
	if err := update(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func update(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if text, err = kubernetes.ValuesSchema(text); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
