package main

// amongOrphans break what is promised of objects that no row knows.
func amongOrphans() []saboteur {
	return []saboteur{
		{
			name: "an orphan goes at its first sighting", file: "fs/audit/survey.go",
			old: " || time.Duration(r.Listed-r.Seen) < orphanTwice {", new: " {",
			pkg: "./fs/audit", tests: "TestOrphan",
		},
		{
			name: "an orphan's age is by this server's clock", file: "fs/audit/survey.go",
			old: "obj.Told.Sub(obj.Modified) <= orphanAge", new: "time.Since(obj.Modified) <= orphanAge",
			pkg: "./fs/audit", tests: "TestOrphan",
		},
		{
			name: "a listing that breaks off is a whole one", file: "fs/audit/survey.go",
			old: "\tif err == nil {\n\t\terr = flush()\n\t}\n", new: "\terr = flush()\n",
			pkg: "./fs/audit", tests: "TestSurveyIsWholeOrNothing",
		},
		{
			name: "orphans are judged by an old copy of the database", file: "fs/audit/survey.go",
			old: "if err == nil && !issued {", new: "if err == nil && !issued && false {",
			pkg: "./fs/audit", tests: "TestOrphansRefused",
		},
		{
			name: "an orphan is deleted without a second look", file: "meta/orphan.go",
			old: "if err != nil || known {", new: "if err != nil || known && false {",
			pkg: "./fs/audit", tests: "TestReferencedAgain",
		},
		{
			name: "an upload that a version took up is aborted", file: "fs/audit/uploads.go",
			old: "\t\tif recorded {\n\t\t\tcontinue\n", new: "\t\tif recorded && false {\n\t\t\tcontinue\n",
			pkg: "./fs/audit", tests: "TestStaleUploads",
		},
	}
}

// rebuilding break what is promised of copies of the metadata, and of what is made of
// them.
func rebuilding() []saboteur {
	return []saboteur{
		{
			name: "a copy of the metadata with a wrong checksum is taken", file: "fs/snapshot/fetch.go",
			old: "if [32]byte(h.Sum(nil)) != s.SHA256 {", new: "if false {",
			pkg: "./fs/snapshot", tests: "TestFetchDamaged",
		},
		{
			name: "a copy of the metadata that does not come is a damaged one", file: "fs/snapshot/fetch.go",
			old: "if errors.As(err, &e) && (e.Class == backend.Absent || e.Class == backend.Corrupt) {", new: "if errors.As(err, &e) {",
			pkg: "./fs/rebuild", tests: "TestUnreachable",
		},
		{
			name: "a rebuilding takes a broken listing for the whole", file: "fs/rebuild/begin.go",
			old: "\tif err != nil {\n\t\treturn fmt.Errorf(\"list bucket %s: %w\", w.Bucket, err)\n\t}\n", new: "\t_, _ = fmt.Print, err\n",
			pkg: "./fs/rebuild", tests: "TestUnreachable",
		},
		{
			name: "an older object takes a newer one's place", file: "meta/restore.go",
			old: "\tcase p.node != nil && p.node.Version >= o.ID:\n\t\treturn RestoreOld, nil\n", new: "",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "an object that the copy had given up comes back", file: "meta/restore.go",
			old: "if o.ID <= r.Known {", new: "if o.ID <= 0 {",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "an older local file takes a newer object's place", file: "fs/rebuild/compare.go",
			old: "case int64(on) > c.stamp.Ctime/1000:", new: "case int64(on) > c.stamp.Ctime/1000:\n\t\treturn \"\"\n\tcase false:",
			pkg: "./fs/rebuild", tests: "TestOlderFile",
		},
		{
			name: "what was half written comes back as content", file: "fs/rebuild/files.go",
			old: "if err := w.torn(id, &row); err != nil {", new: "if err := error(nil); err != nil {",
			pkg: "./fs/rebuild", tests: "TestDraftsOfTheCopy",
		},
	}
}
