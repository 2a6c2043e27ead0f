package scripts

import (
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// below says for each room which other rooms it may import. What is not listed is
// not allowed: imports point down only, and the three rooms at the bottom know
// nothing of the rest.
var below = map[string][]string{
	"cmd/contentfs": {
		"fs/volume", "fs/audit", "fs/control", // the engine, whole
		"fs/transfer",         // migrate, restore, move
		"fs/takeover",         // import
		"fs/rebuild",          // rebuild
		"fs/snapshot",         // status, gc
		"fs/policy",           // the rules of the configuration
		"fs/content",          // the rule of url, for a volume that is not mounted
		"fs/crash",            // arms a point
		"fs/policy",           // the rules of the configuration
		"meta", "meta/sqlite", // the counts of a volume that is not mounted
		"backend", "backend/s3", // check talks to the bucket itself
	},

	"fs/volume": {"fs", "fs/crash", "fs/snapshot", "fs/rebuild", "fs/redirect", "fs/content", "fs/local", "fs/upload", "fs/policy", "fs/control", "fs/audit",
		"meta", "meta/sqlite", "meta/postgres", "backend", "backend/s3", "backend/dir", "backend/breaker"},
	"fs":          {"fs/content", "meta"},
	"fs/redirect": {"fs/content", "meta"},
	"fs/upload":   {"fs/content", "fs/crash", "meta", "backend"},
	"fs/transfer": {"fs/content", "fs/crash", "meta"},
	"fs/takeover": {"fs/content", "fs/crash", "meta", "backend"},
	"fs/snapshot": {"fs/content", "fs/crash", "meta", "backend"},
	"fs/rebuild":  {"fs/snapshot", "fs/takeover", "fs/content", "fs/crash", "fs/local", "meta", "meta/sqlite", "backend"},
	"fs/audit":    {"fs/content", "fs/crash", "fs/local", "meta", "backend"},
	"fs/content":  {"fs/crash", "fs/local", "fs/policy", "meta", "backend"},
	"fs/control":  {"meta"},

	"fs/crash":                {}, // the rooms at the bottom do without: they are given a function
	"fs/local":                {},
	"fs/policy":               {},
	"backend":                 {},
	"backend/internal/driver": {"backend"},
	"backend/breaker":         {"backend"},
	"backend/s3":              {"backend", "backend/internal/driver"},
	"backend/dir":             {"backend", "backend/internal/driver"},
	"meta":                    {},
	"meta/sqlite":             {"meta"},
	"meta/postgres":           {"meta"},

	"scripts": {},
}

// helpers are packages for tests, with the rooms that they may import: no room may
// import them, tests and other helpers may.
var helpers = map[string][]string{
	"backend/backendtest":             {"backend"},
	"backend/fault":                   {"backend", "backend/internal/driver"},
	"backend/mem":                     {"backend", "backend/internal/driver"},
	"meta/metatest":                   {"meta"},
	"meta/sqlite/sqlitetest":          {},
	"fs/volume/volumetest":            {"fs/volume", "fs/audit", "fs/content", "fs/control", "fs/local", "meta", "meta/sqlite", "backend", "backend/s3"},
	"fs/volume/programs":              {"fs/volume"},
	"fs/internal/model":               {"fs", "fs/audit", "fs/content", "fs/local", "meta", "meta/sqlite", "backend"},
	"cmd/contentfs/internal/life":     {"fs/crash"},
	"cmd/contentfs/internal/workload": {},
	"scripts/internal/site":           {"backend/backendtest"},
}

// outside says who may import what is not ours, besides the standard library and
// its extensions. The first line that fits counts.
var outside = []struct {
	module string
	rooms  []string
	tests  bool // every test may
}{
	{module: "github.com/hanwen/go-fuse/v2/posixtest", tests: true},
	{module: "github.com/hanwen/go-fuse/v2", rooms: []string{"fs"}},
	{module: "github.com/aws", rooms: []string{"backend/s3"}},
	{module: "github.com/mattn/go-sqlite3", rooms: []string{"meta/sqlite", "meta/sqlite/sqlitetest"}},
	{module: "database/sql", rooms: []string{"meta", "meta/sqlite", "meta/sqlite/sqlitetest", "meta/postgres"}},
	{module: "github.com/urfave/cli/v2", rooms: []string{"cmd/contentfs"}},
	{module: "github.com/BurntSushi/toml", rooms: []string{"cmd/contentfs"}},
	{module: "github.com/Shopify/toxiproxy/v2", tests: true},
	{module: "pgregory.net/rapid", rooms: []string{"fs/internal/model"}, tests: true},
	{module: "github.com/rs/zerolog", tests: true}, // what toxiproxy wants as its logger
}

// A room that imports upwards, or an SDK outside of its room, is found here and
// not when the two have grown together.
func TestImports(t *testing.T) {
	for _, s := range sources(t, token.NewFileSet()) {
		for _, name := range s.imports {
			if ours, ok := strings.CutPrefix(name, module+"/"); ok {
				if !mayImport(s, ours) {
					t.Errorf("%s must not import %s", s.path, name)
				}
			} else if !mayUse(s, name) {
				t.Errorf("%s must not import %s; say in layout_test.go who may", s.path, name)
			}
		}
	}
}

func mayImport(s source, ours string) bool {
	allowed, known := below[s.folder]
	if !known {
		allowed, known = helpers[s.folder]
	}
	if slices.Contains(allowed, ours) {
		return true
	}
	_, helps := helpers[ours]
	_, helper := helpers[s.folder]
	return helps && (s.test || helper) || s.test && within(ours, reach(s.folder)...)
}

// reach returns a room and all that lies below it. A test may use all of that, and
// what implements it: it begins with a store that is open.
func reach(room string) []string {
	rooms := []string{room}
	for i := 0; i < len(rooms); i++ {
		for _, next := range below[rooms[i]] {
			if !slices.Contains(rooms, next) {
				rooms = append(rooms, next)
			}
		}
	}
	return rooms
}

func mayUse(s source, name string) bool {
	for _, o := range outside {
		if within(name, o.module) {
			return slices.Contains(o.rooms, s.folder) || s.test && o.tests
		}
	}
	first, _, _ := strings.Cut(name, "/")
	standard := !strings.Contains(first, ".")
	return standard || within(name, "golang.org/x")
}

// A new package must be given its place in the table above, and say in doc.go
// what it is for.
func TestPackages(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t, token.NewFileSet()) {
		_, room := below[s.folder]
		_, helper := helpers[s.folder]
		if !room && !helper && !within(s.folder, "scripts") {
			t.Errorf("%s lies in a package without a place in layout_test.go", s.path)
		}
		documented[s.folder] = documented[s.folder] || path.Base(s.path) == "doc.go" && s.tree.Doc != nil
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s has no doc.go with a package comment", folder)
		}
	}
}

func TestTopLevel(t *testing.T) {
	want := []string{"cmd", "fs", "backend", "meta", "scripts", "go.mod", "go.sum", "README.md", "LICENSE"}
	built := []string{module, "*.test", "*.prof"} // as in .gitignore
	names := topLevel(t)
	for _, name := range names {
		ignored := slices.ContainsFunc(built, func(pattern string) bool {
			ok, _ := path.Match(pattern, name)
			return ok
		})
		if !ignored && !strings.HasPrefix(name, ".") && !slices.Contains(want, name) {
			t.Errorf("%s does not belong at the top", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing at the top", name)
		}
	}
}
