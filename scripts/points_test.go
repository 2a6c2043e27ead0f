package scripts

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// TestCrashPoints: every crash point is listed, and passed by exactly one line of the
// program. The rooms at the bottom are given a function for theirs, see package crash.
func TestCrashPoints(t *testing.T) {
	names := make(map[string]string) // of the points, by constant
	var listed []string
	passed := make(map[string]int) // by name
	calls := make(map[string]int)  // of crash.Here, by constant
	given := map[string]string{"meta": "database", "meta/sqlite": "database", "backend/s3": "multipart", "fs/local": "reserve"}
	for _, s := range sources(t, token.NewFileSet()) {
		if s.test {
			continue
		}
		if s.path == "fs/crash/points.go" {
			declaredPoints(s.tree, names, &listed)
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if callee(call) == "crash.Here" {
				if arg, ok := call.Args[0].(*ast.SelectorExpr); ok {
					calls[arg.Sel.Name]++
				} else {
					t.Errorf("%s: crash.Here is called with a constant of package crash, so that its lines can be found", s.path)
				}
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			text, isText := call.Args[0].(*ast.BasicLit)
			if room := given[s.folder]; room != "" && ok && isText && f.Sel.Name == "pass" {
				step, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Error(err)
				}
				passed[room+"/"+step]++
			}
			return true
		})
	}
	if len(names) == 0 {
		t.Fatal("there are no points")
	}
	for constant, name := range names {
		if !slices.Contains(listed, constant) {
			t.Errorf("%s is not in crash.Points", constant)
		}
		if n := calls[constant] + passed[name]; n != 1 {
			t.Errorf("crash point %s (%s) is passed by %d lines of the program", name, constant, n)
		}
		delete(passed, name)
	}
	for name := range passed {
		t.Errorf("%s is passed, and there is no such crash point", name)
	}
}

// declaredPoints collects the constants of type Point, and what the function Points
// lists.
func declaredPoints(tree *ast.File, names map[string]string, listed *[]string) {
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "Point" && len(n.Values) == 1 {
				if text, ok := n.Values[0].(*ast.BasicLit); ok {
					names[n.Names[0].Name], _ = strconv.Unquote(text.Value) // the compiler has read it
				}
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if id, ok := e.(*ast.Ident); ok {
					*listed = append(*listed, id.Name)
				}
			}
		}
		return true
	})
}
