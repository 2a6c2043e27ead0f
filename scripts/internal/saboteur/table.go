package main

import "slices"

// all returns every saboteur, those of one room after the other.
func all() []saboteur {
	return slices.Concat(onDisk(), inMetadata(), underWriting(), onTheWay(), inS3(), inTheBin(),
		inDoubt(), againstRot(), onAFullDisk(), amongOrphans(), rebuilding())
}

// onDisk break what the local store promises.
func onDisk() []saboteur {
	return []saboteur{
		{
			name: "close does not sync the file", file: "fs/local/sync.go",
			old: "if err := unix.Fsync(int(f.Fd())); err != nil {\n\t\treturn fmt.Errorf(\"sync local file",
			new: "if err := error(nil); err != nil {\n\t\treturn fmt.Errorf(\"sync local file",
			pkg: "./cmd/contentfs", tests: "TestCutLoop",
		},
		{
			name: "a new file's name is not synced", file: "fs/local/sync.go",
			old: "err := errors.Join(s.Sync(f), <-names)",
			new: "<-names\n\terr := errors.Join(s.Sync(f))",
			pkg: "./fs/local", tests: "TestSyncNewFails",
		},
		{
			name: "a link in the store is followed", file: "fs/local/store.go",
			old: "flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC", new: "flags |= unix.O_CLOEXEC",
			pkg: "./fs/local", tests: "TestNotRegular|TestCreateReplacesNothing|TestOpenRefuses",
		},
	}
}

// inMetadata break what the database promises.
func inMetadata() []saboteur {
	return []saboteur{
		{
			name: "commits are not synced", file: "meta/sqlite/connect.go",
			old: `{"synchronous", "FULL", "2"}`, new: `{"synchronous", "NORMAL", "1"}`,
			pkg: "./meta/sqlite", tests: "TestPragmas|TestDurability",
		},
		{
			name: "a durable change is only a visible one", file: "meta/store.go",
			old: "func (s *Store) durable(apply func(*tx) error) error { return s.change(true, apply) }",
			new: "func (s *Store) durable(apply func(*tx) error) error { return s.change(false, apply) }",
			pkg: "./meta/sqlite", tests: "TestDurableChanges",
		},
		{
			name: "a commit is visible only", file: "meta/commit.go",
			old: "err := s.change(!r.Relaxed, func(t *tx) (err error) {\n\t\tv, err = t.commit(&r)",
			new: "err := s.change(false, func(t *tx) (err error) {\n\t\tv, err = t.commit(&r)",
			pkg: "./meta/sqlite", tests: "TestDurableChanges",
		},
		{
			name: "a durable transaction may change nothing", file: "meta/tx.go",
			old: "if !durable && !t.counted {", new: "if !t.counted {",
			pkg: "./meta/sqlite", tests: "TestDurableWithoutAChange",
		},
		{
			name: "one request's failure undoes its neighbours", file: "meta/writer.go",
			old: `if err := t.exec("ROLLBACK TO request"); err != nil {`,
			new: `if err := t.exec("ROLLBACK"); err != nil {`,
			pkg: "./meta/sqlite", tests: "TestStore|TestGroupCommit|TestDiskFull",
		},
		{
			name: "a version id is the clock's", file: "meta/tx.go",
			old: "t.lastVersion = max(t.lastVersion+1, VersionID(now/1000))",
			new: "t.lastVersion = VersionID(now / 1000)",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "the key of a version may be used again", file: "meta/sqlite/schema.sql",
			old: "CREATE UNIQUE INDEX version_key ON version (key, bucket) WHERE key <> '';",
			new: "CREATE INDEX version_key ON version (key, bucket) WHERE key <> '';",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
	}
}

// underWriting break what a writer may rely on.
func underWriting() []saboteur {
	return []saboteur{
		{
			name: "the answer comes before the sync", file: "fs/content/commit.go",
			old: "\tif err := e.Local.SyncNew(l.file); err != nil {\n\t\tl.poisoned, l.cramped = true, noRoom(err)\n\t\treturn st, err\n\t}\n\treturn st, nil",
			new: "\tgo func() { _ = e.Local.SyncNew(l.file) }()\n\treturn st, nil",
			pkg: "./cmd/contentfs", tests: "TestCutLoop",
		},
		{
			name: "a rename does not commit first", file: "fs/content/names.go",
			old: "\t\terr = e.commitName(r.OldParent, r.OldName)\n",
			new: "\t\t_ = e.commitName\n",
			pkg: "./cmd/contentfs", tests: "TestRenameOfOpenFile",
		},
		{
			name: "what is only here is written to in place", file: "fs/content/write.go",
			old: "\tcase safe(v):\n", new: "\tcase safe(v) || true:\n",
			pkg: "./fs/content", tests: "TestModel",
		},
		{
			name: "a shared file is written to without a copy", file: "fs/content/write.go",
			old: "\tif safe(&v) {\n\t\tif err := e.detach(l, &v); err != nil {\n\t\t\treturn err\n\t\t}\n\t\treturn l.mark()\n\t}\n\tc, err :=",
			new: "\tif true {\n\t\tif err := e.detach(l, &v); err != nil {\n\t\t\treturn err\n\t\t}\n\t\treturn l.mark()\n\t}\n\tc, err :=",
			pkg: "./fs/content", tests: "TestModel",
		},
		{
			name: "a file that others write to is cloned without its sync", file: "fs/content/write.go",
			old: "errors.Join(c.SetTimes(v.Mtime, v.Mtime), e.Local.SyncNew(c))",
			new: "c.SetTimes(v.Mtime, v.Mtime)",
			pkg: "./cmd/contentfs", tests: "TestCutLoop",
		},
		{
			name: "what was never closed is thrown away", file: "fs/content/recover_files.go",
			old: "\t} else {\n\t\tr.Quarantined++\n", new: "\t} else if false {\n\t\tr.Quarantined++\n",
			pkg: "./fs/volume", tests: "TestDraftAfterPowerCut|TestRemount|TestPosixUnlinkedCrash|TestUnknownLocalFile",
		},
		{
			name: "a local file that no record knows is removed", file: "fs/content/recover_files.go",
			old: "if st.Size == 0 || r.copied(who) {",
			new: "if true || r.copied(who) {",
			pkg: "./fs/volume", tests: "TestUnknownLocalFile",
		},
		{
			name: "a new file that was never closed keeps its name", file: "fs/content/recover_files.go",
			old: "KeepNames: d.later", new: "KeepNames: true",
			pkg: "./fs/content", tests: "TestModel",
		},
	}
}

// onTheWay break what the upload promises.
func onTheWay() []saboteur {
	return []saboteur{
		{
			name: "left-over writers are not looked for", file: "fs/content/outgoing.go",
			old: "\t\tif !free {\n\t\t\treturn ErrBusy\n\t\t}\n",
			new: "\t\t_ = free\n",
			pkg: "./fs/upload", tests: "TestUnseenWriter|TestUnseenWriteBeforeSending|TestLingeringWriter",
		},
		{
			name: "an open writer does not hold the upload up", file: "fs/content/outgoing.go",
			old: "if w := e.live.writing(v.Ino); w != nil && insist != Now {\n\t\treturn nil, ErrBusy",
			new: "if w := e.live.writing(v.Ino); w != nil && false {\n\t\treturn nil, ErrBusy",
			pkg: "./fs/upload", tests: "TestWriterOpen",
		},
		{
			name: "nobody looks whether the file changed on its way", file: "fs/content/delivered.go",
			old: "return st.SameContent(o.stamp), err", new: "return true, err",
			pkg: "./fs/upload", tests: "TestChangedWhileSending|TestOpenedWhileSending",
		},
		{
			name: "the object goes before its key is on record", file: "fs/content/outgoing.go",
			old: "err = e.Meta.BeginUpload(v.ID, meta.BeginUpload{Bucket: v.Bucket, Prefix: v.Prefix, Key: v.Key, SHA256: v.SHA256, Private: v.Private})",
			new: "go e.Meta.BeginUpload(v.ID, meta.BeginUpload{Bucket: v.Bucket, Prefix: v.Prefix, Key: v.Key, SHA256: v.SHA256, Private: v.Private})",
			pkg: "./fs/upload", tests: "TestKilled.*|TestSend",
		},
		{
			name: "whatever lies under our key is ours", file: "fs/upload/send.go",
			old: "if obj.Size == v.Size && bytes.Equal(obj.SHA256, v.SHA256) {",
			new: "if obj.Size >= 0 || bytes.Equal(obj.SHA256, v.SHA256) {",
			pkg: "./fs/upload", tests: "TestExistsAndIsForeign|TestForeignObjectAfterARestart",
		},
		{
			name: "an error of a look is an absence", file: "fs/upload/send.go",
			old: "\t\treturn \"\", false, err\n\t}\n\tif obj.Size",
			new: "\t\treturn \"\", false, nil\n\t}\n\tif obj.Size",
			pkg: "./fs/upload", tests: "TestUnansweredQuestion|TestLostReply|TestExistsAndIsOurs",
		},
		{
			name: "a late upload brings back what was deleted", file: "meta/upload.go",
			old: "if v.Remote != Sending || v.Key != key {", new: "if v.Key != key {",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "fetched bytes are not checked", file: "fs/content/fetch.go",
			old: "case v.SHA256 != nil && !bytes.Equal(sum, v.SHA256):\n\t\terr = fmt.Errorf(\"checksum",
			new: "case v.SHA256 != nil && !bytes.Equal(sum, v.SHA256) && false:\n\t\terr = fmt.Errorf(\"checksum",
			pkg: "./fs/volume", tests: "TestWrongObject",
		},
		{
			name: "fetched bytes are on record before they are on disk", file: "fs/content/fetch.go",
			old: "\tif err := e.Local.SyncNew(f); err != nil {\n\t\treturn err\n\t}\n\tcrash.Here(crash.FetchSynced)",
			new: "\tcrash.Here(crash.FetchSynced)",
			pkg: "./cmd/contentfs", tests: "TestCutLoop",
		},
		{
			name: "uploads are given up after some attempts", file: "fs/upload/send.go",
			old: "\tif attempts < 8 {\n",
			new: "\tif attempts > 2 {\n\t\treturn time.Hour\n\t}\n\tif attempts < 8 {\n",
			pkg: "./fs/upload", tests: "TestBackoff",
		},
	}
}

// inS3 break what the driver makes of a store's answers.
func inS3() []saboteur {
	return []saboteur{
		{
			name: "an object is overwritten", file: "backend/s3/put.go",
			old: "if opts.IfAbsent && able.conditional {\n\t\tin.IfNoneMatch",
			new: "if false {\n\t\tin.IfNoneMatch",
			pkg: "./backend/s3", tests: "TestConformance|TestSmallPutHeaders",
		},
		{
			name: "a wrong checksum in a reply is taken", file: "backend/s3/put.go",
			old: "if *out.ChecksumSHA256 != *encode(sum[:]) {", new: "if false {",
			pkg: "./backend/s3", tests: "TestPutReplyIsChecked",
		},
		{
			name: "a lost reply of the last step starts anew", file: "backend/s3/multipart.go",
			old: "if e.Code == codeNoSuchUpload {\n\t\t\treturn u.settle(ctx, e)",
			new: "if e.Code == codeNoSuchUpload {\n\t\t\treturn \"\", e",
			pkg: "./backend/s3", tests: "TestLostReplyOfComplete",
		},
		{
			name: "an absence is not confirmed", file: "backend/s3/errors.go",
			old: "if e.Class != backend.Absent || e.Code == codeNoSuchKey {",
			new: "if true {",
			pkg: "./backend/s3", tests: "TestAbsenceIsConfirmed|TestRegionIsNamed",
		},
		{
			name: "a range that was not asked for is taken", file: "backend/s3/get.go",
			old: "if first != off || last != end-1 || *out.ContentLength != end-off {",
			new: "if false {",
			pkg: "./backend/s3", tests: "TestGetBody",
		},
		{
			name: "the name of a key is not encoded", file: "fs/content/key.go",
			old: "appendEncoded(nil, a.UID, false)", new: "appendEncoded(nil, a.UID, true)",
			pkg: "./fs/content", tests: "TestKey|FuzzKeyRoundTrip|FuzzKeyCollision|TestKeysSortByTime",
		},
	}
}

// inTheBin break what may be thrown away, and when.
func inTheBin() []saboteur {
	return []saboteur{
		{
			name: "what is only here is evicted", file: "meta/evict.go",
			old: "const evictable = `file IS NOT NULL AND (open = 0 AND (remote = 2 OR retired <> 0 OR fallback IS NOT NULL))`",
			new: "const evictable = `file IS NOT NULL AND (open = 0 AND (remote >= 0 OR retired <> 0 OR fallback IS NOT NULL))`",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "an open file is evicted", file: "fs/content/evict.go",
			old: "\tif l.opens > 0 {\n\t\treturn false, nil\n\t}\n\tif v.Retired",
			new: "\tif v.Retired",
			pkg: "./fs/volume", tests: "TestModel|TestStress|TestReaderKeepsItsFile|TestEditBesideReaders",
		},
		{
			name: "a collection ends the grace early", file: "meta/garbage.go",
			old: "WHERE since < $1 AND (bucket, key)", new: "WHERE $1 > 0 AND (bucket, key)",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "an object is condemned without a second look", file: "meta/garbage.go",
			old: "WHERE bucket = $1 AND key = $2 AND since = $3 AND `+unowned,\n\t\t\t\to.Bucket",
			new: "WHERE bucket = $1 AND key = $2 AND since = $3`,\n\t\t\t\to.Bucket",
			pkg: "./meta/sqlite", tests: "TestStore",
		},
		{
			name: "a collection goes on after an error", file: "fs/audit/gc.go",
			old: "if r.Failed[bucket] != nil {", new: "if false {",
			pkg: "./fs/audit", tests: "TestBucketRefuses",
		},
		{
			name: "a collection does not look at the clock", file: "fs/audit/gc.go",
			old: "if int64(g.Newest) > now.UnixMicro() {", new: "if false {",
			pkg: "./fs/audit", tests: "TestCollectRefuses",
		},
		{
			name: "a copy is given up without a look at the other", file: "fs/content/dropcopy.go",
			old: "case o.Size != v.Size:", new: "case true:\n\t\treturn nil\n\tcase o.Size != v.Size:",
			pkg: "./cmd/contentfs", tests: "TestTransfers|TestDropUnverified",
		},
	}
}
