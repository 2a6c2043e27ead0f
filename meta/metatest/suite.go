package metatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"contentfs/meta"
)

// Run runs the suite. open gives a new, empty store that is not running; the
// suite runs and closes it.
func Run(t *testing.T, open func(t *testing.T) *meta.Store) {
	for _, test := range []struct {
		name string
		run  func(*env)
	}{
		{"Root", testRoot},
		{"Create", testCreate},
		{"CreateErrors", testCreateErrors},
		{"SetGroupID", testSetGroupID},
		{"Orphan", testOrphan},
		{"Link", testLink},
		{"Unlink", testUnlink},
		{"Rmdir", testRmdir},
		{"Rename", testRename},
		{"RenameReplaces", testRenameReplaces},
		{"RenameErrors", testRenameErrors},
		{"Exchange", testExchange},
		{"SetAttr", testSetAttr},
		{"Touch", testTouch},
		{"Xattr", testXattr},
		{"ACL", testACL},
		{"ACLInherited", testACLInherited},
		{"Path", testPath},
		{"List", testList},
		{"ListChanging", testListChanging},
		{"Settings", testSettings},
		{"Commit", testCommit},
		{"CommitSupersedes", testCommitSupersedes},
		{"CommitToOrphan", testCommitToOrphan},
		{"VersionsNeverGoBack", testVersionsNeverGoBack},
		{"Recommit", testRecommit},
		{"Drafts", testDrafts},
		{"DropDraft", testDropDraft},
		{"RemoveOrphan", testRemoveOrphan},
		{"Revive", testRevive},
		{"Queue", testQueue},
		{"Waiting", testWaiting},
		{"Upload", testUpload},
		{"UploadSuperseded", testUploadSuperseded},
		{"UploadKeys", testUploadKeys},
		{"ForeignKey", testForeignKey},
		{"CancelSending", testCancelSending},
		{"Evict", testEvict},
		{"EvictionOrder", testEvictionOrder},
		{"EvictOnlyCopy", testEvictOnlyCopy},
		{"Fallback", testFallback},
		{"Errands", testErrands},
		{"Follow", testFollow},
		{"FallbackPaths", testFallbackPaths},
		{"Adopt", testAdopt},
		{"AdoptMerges", testAdoptMerges},
		{"AdoptRoot", testAdoptRoot},
		{"Unseen", testUnseen},
		{"Readopt", testReadopt},
		{"Garbage", testGarbage},
		{"GarbageInUse", testGarbageInUse},
		{"Condemn", testCondemn},
		{"Orphans", testOrphans},
		{"UploadOnRecord", testUploadOnRecord},
		{"Issued", testIssued},
		{"Undelete", testUndelete},
		{"UndeleteReplaces", testUndeleteReplaces},
		{"UndeleteErrors", testUndeleteErrors},
		{"History", testHistory},
		{"Import", testImport},
		{"ImportRefuses", testImportRefuses},
		{"Restore", testRestore},
		{"Lost", testLost},
		{"Abandon", testAbandon},
		{"Quarantine", testQuarantine},
		{"SetAside", testSetAside},
		{"LeaveQuarantine", testLeaveQuarantine},
		{"GiveUp", testGiveUp},
		{"VersionLists", testVersionLists},
		{"Files", testFiles},
		{"Taken", testTaken},
		{"Stats", testStats},
		{"Sync", testSync},
		{"FailingRequestAlone", testFailingRequestAlone},
		{"ReadersWhileWriting", testReadersWhileWriting},
		{"Stopped", testStopped},
		{"Random", testRandom},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &env{T: t, s: open(t)}
			e.start()
			t.Cleanup(e.finish)
			test.run(e)
		})
	}
}

// env is a running store and what the tests say about it.
type env struct {
	*testing.T
	s *meta.Store

	clock  int64 // the last time that was given
	files  int   // the last local file that was named
	cancel context.CancelFunc
	done   chan error
}

func (e *env) start() {
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel, e.done = cancel, make(chan error, 1)
	go func() { e.done <- e.s.Run(ctx) }()
}

// stop ends Run and returns what it said.
func (e *env) stop() {
	if e.cancel == nil {
		return
	}
	e.cancel()
	e.cancel = nil
	if err := <-e.done; err != nil {
		e.Errorf("Run: %v", err)
	}
}

func (e *env) finish() {
	e.stop()
	e.check()
	if err := e.s.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

func (e *env) check() {
	e.Helper()
	found, err := e.s.Check(context.Background())
	if err != nil {
		e.Errorf("Check: %v", err)
	}
	for _, text := range found {
		e.Errorf("Check: %s", text)
	}
}

// now gives a time later than the last.
func (e *env) now() int64 {
	e.clock += 1e6
	return e.clock
}

// newFile names a local file that was not used before.
func (e *env) newFile() meta.FileID {
	e.files++
	return meta.FileID(fmt.Sprintf("%032x", e.files))
}

// ok fails the test at once for an error.
func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

// fails wants an error of a class.
func (e *env) fails(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Fatalf("the error is %v, not %v", err, want)
	}
}

// same wants two values to be equal.
func same[T comparable](e *env, what string, got, want T) {
	e.Helper()
	if got != want {
		e.Errorf("%s: %v, not %v", what, got, want)
	}
}

// get fails the test at once for an error, and gives the value.
func get[T any](v T, err error) func(*env) T {
	return func(e *env) T {
		e.Helper()
		e.ok(err)
		return v
	}
}

func (e *env) create(parent meta.Ino, name string, mode uint32) meta.Node {
	e.Helper()
	return get(e.s.Create(meta.CreateRequest{Parent: parent, Name: []byte(name), Mode: mode, Now: e.now()}))(e)
}

func (e *env) mkdir(parent meta.Ino, name string) meta.Node {
	e.Helper()
	return e.create(parent, name, meta.TypeDir|0o755)
}

func (e *env) file(parent meta.Ino, name string) meta.Node {
	e.Helper()
	return e.create(parent, name, meta.TypeRegular|0o644)
}

// commit gives a node content of a size in a new local file.
func (e *env) commit(ino meta.Ino, size int64) meta.Version {
	e.Helper()
	now := e.now()
	return get(e.s.Commit(meta.CommitRequest{Ino: ino, File: e.newFile(), Size: size, Mtime: now, Now: now}))(e)
}

// written is a new file with content.
func (e *env) written(parent meta.Ino, name string, size int64) meta.Version {
	e.Helper()
	return e.commit(e.file(parent, name).Ino, size)
}

// begin records the key of an upload, made of the version's id.
func (e *env) begin(id meta.VersionID) (key string) {
	e.Helper()
	key = fmt.Sprint("key-", id)
	e.ok(e.s.BeginUpload(id, meta.BeginUpload{Bucket: "b", Prefix: "p", Key: key, SHA256: []byte{1, 2}}))
	return key
}

// store uploads a version.
func (e *env) store(id meta.VersionID) {
	e.Helper()
	get(e.s.FinishUpload(id, e.begin(id), "etag", nil, e.now()))(e)
}

func (e *env) node(ino meta.Ino) meta.Node {
	e.Helper()
	return get(e.s.Node(ino))(e)
}

func (e *env) version(id meta.VersionID) meta.Version {
	e.Helper()
	return get(e.s.Version(id))(e)
}

// inTrash reports whether a file waits to be unlinked.
func (e *env) inTrash(file meta.FileID) bool {
	e.Helper()
	for _, f := range get(e.s.Trash(1000))(e) {
		if f == file {
			return true
		}
	}
	return false
}

func (e *env) queued(id meta.VersionID) bool {
	e.Helper()
	_, err := e.s.QueueEntry(id)
	if err != nil {
		e.fails(err, meta.ErrNotExist)
	}
	return err == nil
}

func (e *env) sameBytes(what string, got []byte, want string) {
	e.Helper()
	if !bytes.Equal(got, []byte(want)) {
		e.Errorf("%s: %q, not %q", what, got, want)
	}
}
