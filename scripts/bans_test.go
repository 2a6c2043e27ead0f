package scripts

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// bans is what code, other than that of tests and scripts, must not do. A call is written as it
// stands in the code: a function of a package, or a name of the language.
var bans = []struct {
	call   string
	in     []string // folders, all if empty
	except []string // files
	why    string
}{
	{
		call: "time.Sleep", in: []string{"fs", "meta", "backend"},
		why: "a sleep ends for no cancellation and hides a missing condition: wait for a channel or a timer, with the context",
	},
	{
		call: "panic",
		why:  "one request must not end the process that others have their files in: return an error",
	},
	{
		call: "os.Exit", except: []string{"cmd/contentfs/main.go"},
		why: "it skips every deferred clean-up, and what calls it cannot be tested: return an error, main has the exit code",
	},
	{call: "log.Fatal", why: "it is an os.Exit"},
	{call: "log.Fatalf", why: "it is an os.Exit"},
	{call: "log.Fatalln", why: "it is an os.Exit"},
	{
		call: "os.Rename", in: []string{"fs"},
		why: "a local file keeps the name it was made with, and what refers to it is a row of the metadata",
	},
	{
		call: "os.Link", in: []string{"fs"},
		why: "a local file has one name, and is gone when that is removed",
	},
}

func TestBans(t *testing.T) {
	files := token.NewFileSet()
	for _, s := range sources(t, files) {
		if _, helper := helpers[s.folder]; helper || s.test || within(s.folder, "scripts") {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := callee(call)
			for _, b := range bans {
				if b.call == name && (len(b.in) == 0 || within(s.folder, b.in...)) && !slices.Contains(b.except, s.path) {
					t.Errorf("%s:%d calls %s: %s", s.path, files.Position(call.Pos()).Line, name, b.why)
				}
			}
			return true
		})
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function: what a program sets up must be seen where it starts", s.path)
			}
		}
	}
}

// callee returns the name of what is called, "" for anything but a plain or a
// package-qualified name.
func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if pkg, ok := f.X.(*ast.Ident); ok {
			return pkg.Name + "." + f.Sel.Name
		}
	}
	return ""
}
