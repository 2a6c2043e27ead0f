package scripts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = ".." // the top of the repository, from this folder
	module = "contentfs"
)

// source is one Go file.
type source struct {
	path    string // from the top, "fs/content/open.go"
	folder  string // "fs/content"
	test    bool   // compiled for tests only
	tree    *ast.File
	imports []string
}

// sources parses all Go files of the repository, whatever their build tags.
func sources(t *testing.T, files *token.FileSet) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		tree, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(rel), folder: filepath.ToSlash(filepath.Dir(rel)), tree: tree}
		s.test = strings.HasSuffix(rel, "_test.go")
		for _, spec := range tree.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, name)
		}
		found = append(found, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 100 { // a walk in the wrong place finds nothing wrong
		t.Fatalf("only %d Go files found", len(found))
	}
	return found
}

// topLevel returns the names at the top of the repository.
func topLevel(t *testing.T) []string {
	t.Helper()
	list, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// within reports whether folder is one of tops or lies below one.
func within(folder string, tops ...string) bool {
	for _, top := range tops {
		if folder == top || strings.HasPrefix(folder, top+"/") {
			return true
		}
	}
	return false
}
