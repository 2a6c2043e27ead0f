package main

// Numbers of files of the measures of names.
const (
	manyNames = 20_000 // in one directory, in a tree, in an archive
	someNames = 5_000  // of which every round has its own, and in the repository
)

// nameMeasures are of names and attributes. They have no targets: what a mount
// costs is a request to another process, dear for the cheapest of calls and nothing
// beside a sync.
func nameMeasures() []measure {
	const relaxed = "relaxed"
	list := []measure{
		{
			name: "new", what: "create empty files", unit: "1/s",
			durability: relaxed, round: newNames(1),
		},
		{
			name: "new8", what: "the same by 8 threads in a directory each", unit: "1/s",
			durability: relaxed, round: newNames(8),
		},
		{
			name: "names-stat", what: "lstat of 20,000 names in a directory", unit: "1/s",
			durability: relaxed, prepare: prepareNames, round: statNames,
		},
		{
			name: "list", what: "ls -f: their names", unit: "1/s",
			durability: relaxed, prepare: prepareNames, round: listNames,
		},
		{
			name: "plus", what: "ls -l: their names and attributes", unit: "1/s",
			durability: relaxed, prepare: prepareNames, round: listAttributes,
		},
		{
			name: "rename", what: "rename of files within a directory", unit: "1/s",
			durability: relaxed, round: renameNames,
		},
		{
			name: "rename-durable", what: "the same, each durable (plain: fsync of the directory)", unit: "1/s",
			round: renameDurably,
		},
		{
			name: "unlink", what: "unlink of files with content", unit: "1/s",
			durability: relaxed, round: unlinkNames,
		},
		{
			name: "find", what: "find in a tree of 20,000 files", unit: "files/s",
			durability: relaxed, prepare: prepareTree, round: treeProgram("find", "-name", "none"),
		},
		{
			name: "du", what: "du -s of the tree", unit: "files/s",
			durability: relaxed, prepare: prepareTree, round: treeProgram("du", "-s"),
		},
		{
			name: "rm", what: "rm -r of a tree of 5,000 files", unit: "files/s",
			durability: relaxed, round: removeTree,
		},
		{
			name: "git", what: "git status of 5,000 files", unit: "files/s",
			durability: relaxed, prepare: prepareRepository, round: gitStatus,
		},
		{
			name: "tar", what: "extract 20,000 files of 1 KiB, each durable (plain: fsync both)", unit: "files/s",
			rounds: 5, prepare: prepareArchive, round: extractDurably,
		},
		{
			name: "tar-relaxed", what: "tar x of 20,000 files of 1 KiB, without syncs", unit: "files/s",
			durability: relaxed, rounds: 5, prepare: prepareArchive, round: extract,
		},
		{
			name: "walk", what: "resident memory after a walk over a million files", unit: "MiB", most: 100,
			run: million,
		},
	}
	return families(withCold(list))
}

// withCold adds, behind each measure that only reads, the same with cold caches.
func withCold(list []measure) []measure {
	var all []measure
	for _, m := range list {
		if m.run == nil {
			m.run = compare
		}
		all = append(all, m)
		if m.prepare != nil && m.name != "tar" && m.name != "tar-relaxed" {
			m.name += "-cold"
			m.what = "the same with cold caches"
			m.cold, m.rounds = true, 5
			all = append(all, m)
		}
	}
	return all
}

func families(list []measure) []measure {
	for i := range list {
		list[i].family = names
	}
	return list
}
