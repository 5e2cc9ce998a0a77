// Installs Alpine packages into a directory, as apko does it, so that a database of installed packages is there that
// Plimsoll did not write. `apk-oracle ROOT PACKAGE.apk...`
package main

import (
	"context"
	"fmt"
	"os"

	"chainguard.dev/apko/pkg/apk/apk"
	"chainguard.dev/apko/pkg/apk/fs"
)

// archive is a package in a file. Nothing promises its hash: it was made for this run.
type archive struct{ path, name string }

func (a archive) URL() string            { return a.path }
func (a archive) PackageName() string    { return a.name }
func (a archive) ChecksumString() string { return "" }

func install(root string, paths []string) error {
	ctx := context.Background()
	target, err := apk.New(ctx,
		apk.WithFS(fs.DirFS(ctx, root, fs.WithCreateDir())),
		apk.WithArch("x86_64"),
		apk.WithIgnoreMknodErrors(true),
	)
	if err != nil {
		return fmt.Errorf("opening %s: %w", root, err)
	}
	if err := target.InitDB(ctx); err != nil {
		return fmt.Errorf("beginning a database in %s: %w", root, err)
	}
	var packages []apk.InstallablePackage
	for _, path := range paths {
		packages = append(packages, archive{path: path, name: path})
	}
	if _, err := target.InstallPackages(ctx, nil, packages); err != nil {
		return fmt.Errorf("installing into %s: %w", root, err)
	}
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: apk-oracle ROOT PACKAGE.apk...")
		os.Exit(2)
	}
	if err := install(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "apk-oracle:", err)
		os.Exit(1)
	}
}
