// Dockerlint holds Dockerfiles against BuildKit's own rules, those of
// "docker build --check", without a Docker daemon and without a network: where a
// rule asks for a base image's configuration it gets an empty one.
//
// Arguments: the Dockerfiles. Exit codes: 0 nothing found; 1 something found, which
// is printed; 2 a file cannot be read.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

func main() {
	code := 0
	for _, path := range os.Args[1:] {
		found, err := lint(context.Background(), path, os.Stdout)
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, "dockerlint:", err)
			os.Exit(2)
		case found:
			code = 1
		}
	}
	os.Exit(code)
}

// lint prints what is wrong with the Dockerfile at path, and reports whether
// anything is. An error says that it could not be looked at.
func lint(ctx context.Context, path string, w io.Writer) (found bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	source := llb.NewSourceMap(nil, path, "Dockerfile", text)
	source.Definition = new(llb.Definition) // the file comes from no build context
	results, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{
		SourceMap:    source,
		MetaResolver: anyBase{},
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	if err := results.PrintTo(w, nil); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	if results.Error != nil {
		results.PrintErrorTo(w, nil)
	}
	return results.Error != nil || len(results.Warnings) > 0, nil
}

// anyBase knows every base image, for the platform asked for.
type anyBase struct{}

func (anyBase) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	platform := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if o := opt.ImageOpt; o != nil && o.Platform != nil {
		platform = *o.Platform
	}
	config, err := json.Marshal(ocispecs.Image{Platform: platform})
	return ref, digest.FromBytes(config), config, err
}
