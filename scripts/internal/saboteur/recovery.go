package main

// inDoubt break what is promised when the disk fails, and after a crash.
func inDoubt() []saboteur {
	return []saboteur{
		{
			name: "a failed sync is forgiven by a later one", file: "fs/content/commit.go",
			old: "l.poisoned, l.cramped = true, noRoom(err)", new: "l.cramped = noRoom(err)",
			pkg: "./cmd/contentfs", tests: "TestFailedSync",
		},
		{
			name: "a commit whose sync failed was not made", file: "meta/writer.go",
			old: "if w.s.dialect.InDoubt(err) {", new: "if false {",
			pkg: "./meta/sqlite", tests: "TestInDoubt|TestInDoubtTogether",
		},
		{
			name: "a local file goes although its change is in doubt", file: "fs/content/localfile.go",
			old: "if meta.InDoubt(err) {", new: "if meta.InDoubt(err) && false {",
			pkg: "./fs/content", tests: "TestDoubt",
		},
		{
			name: "the trash goes before its reason is durable", file: "fs/content/orphans.go",
			old: "\t\tif err := e.settleTrash(); err != nil {\n\t\t\treturn err\n\t\t}\n", new: "\t\t_ = e.settleTrash\n",
			pkg: "./fs/content", tests: "TestCutAfterSweep|TestSweepInDoubt",
		},
		{
			name: "the trash goes before what came in its place is durable", file: "fs/content/orphans.go",
			old: "\t\tif err := e.Local.SyncAll(); err != nil {\n\t\t\treturn err\n\t\t}\n", new: "",
			pkg: "./cmd/contentfs", tests: "TestRelaxedReplacedAtCut",
		},
		{
			name: "a failed store copies its log", file: "meta/store.go",
			old: "\tif s.Failed() != nil {\n\t\terrs", new: "\tif false {\n\t\terrs",
			pkg: "./meta/sqlite", tests: "TestFrozen",
		},
		{
			name: "the mark of an end outlives the next start", file: "meta/sqlite/examine.go",
			old: "\tif k.mark.State == ended {\n", new: "\tif false {\n",
			pkg: "./meta/sqlite", tests: "TestStartKilled",
		},
		{
			name: "an old copy of the database is taken", file: "meta/sqlite/examine.go",
			old: "case syncs < m.Syncs:", new: "case syncs < 0:",
			pkg: "./meta/sqlite", tests: "TestNotAsLeft",
		},
		{
			name: "a database is made beside content that had one", file: "meta/sqlite/examine.go",
			old: "if err == nil && holds {", new: "if err == nil && holds && false {",
			pkg: "./meta/sqlite", tests: "TestFresh",
		},
		{
			name: "a volume does not say that it holds content", file: "fs/volume/volume.go",
			old: "Holds: o.holds, ", new: "",
			pkg: "./fs/volume", tests: "TestDatabaseGone",
		},
	}
}

// againstRot break what is promised of bytes that changed by themselves.
func againstRot() []saboteur {
	return []saboteur{
		{
			name: "an error at a local file is its absence", file: "fs/content/damage.go",
			old: "\treturn damage{}, err\n}", new: "\treturn damage{why: err.Error()}, nil\n}",
			pkg: "./fs/content", tests: "TestCannotTellAtOpen",
		},
		{
			name: "what lay there at the start is delivered unseen", file: "fs/content/damage.go",
			old: "&& !e.trust.has(v.ID, st.Ctime)", new: "&& !e.trust.has(v.ID, st.Ctime) && false",
			pkg: "./fs/volume", tests: "TestRotBetweenLives",
		},
		{
			name: "rotten content is sent", file: "fs/content/outgoing.go",
			old: "if v.SHA256 != nil && string(v.SHA256) != string(sum[:]) {", new: "if false {",
			pkg: "./fs/upload", tests: "TestRotBeforeUpload",
		},
		{
			name: "a repair gives up a file that is nowhere better", file: "fs/audit/cure.go",
			old: "case elsewhere && !good:", new: "case elsewhere && !good && false:",
			pkg: "./fs/audit", tests: "TestCures|TestVerifyAway",
		},
	}
}

// onAFullDisk break what is promised when the disk is full.
func onAFullDisk() []saboteur {
	return []saboteur{
		{
			name: "the reserve is never given back", file: "fs/content/space.go",
			old: "if e.Reserve == nil || !e.Reserve.Release(again) {", new: "if true {",
			pkg: "./fs/content", tests: "TestRelief",
		},
		{
			name: "the overflow names a copy by its local file", file: "fs/content/overflow.go",
			old: "rel := overflowName(v.ID)", new: "rel := []byte(overflowDir + \"/\" + string(v.File))",
			pkg: "./fs/volume", tests: "TestOverflowOfAReadFile",
		},
	}
}
