package crash

// Point is a place between two steps; see the package documentation.
type Point string

// The points, in the order of a file's life.
const (
	// A start.
	StartLocked    Point = "start/locked"          // the lock is taken
	MarkMade       Point = "database/mark-made"    // the first mark of a database that is not there yet
	MarkBegun      Point = "database/mark-begun"   // the mark of an orderly end is taken back
	DatabaseMade   Point = "database/made"         // an empty file, durably
	DatabaseOpened Point = "database/opened"       // the first writing connection has set its mode
	DatabaseSchema Point = "database/schema"       // the schema is committed, in the log only
	MarkRunning    Point = "database/mark-running" // the mark tells that there is a log
	StartOpened    Point = "start/opened"          // database and local files are open
	StartRecovered Point = "start/recovered"       // what the last life left is settled
	StartMounted   Point = "start/mounted"         // the kernel has the mount, nothing else runs

	// A start that migrates.
	MigrateCopied   Point = "database/migrate-copied"  // the copy of the old schema is whole, under another name
	MigrateKept     Point = "database/migrate-kept"    // under its own name
	MigrateApplied  Point = "database/migrate-applied" // the statements ran, uncommitted
	MigrateComplete Point = "database/migrate-complete"

	// A start after a crash.
	RecoverOrphans   Point = "recover/orphans"   // nodes without names are forgotten
	RecoverTaken     Point = "recover/taken"     // what was open at the crash was synced, not committed
	RecoverCommitted Point = "recover/committed" // and committed
	RecoverAbandoned Point = "recover/abandoned" // a draft is in the quarantine or dropped, and its name gone
	RecoverGivenUp   Point = "recover/given-up"  // a version's file that is missing is given up
	RecoverUnknown   Point = "recover/unknown"   // a file that is not on record is in the quarantine
	RecoverRemoved   Point = "recover/removed"   // a file that is not on record and not needed is unlinked
	RecoverMerged    Point = "recover/merged"    // all files are compared
	DamageGivenUp    Point = "damage/given-up"   // a local file that is damaged; it is still there

	// Any change of the metadata.
	DatabaseApplied   Point = "database/applied"   // in a transaction that is not committed
	DatabaseCommitted Point = "database/committed" // and was not answered
	DatabaseCopied    Point = "database/copied"    // the log is copied to the database, and goes on

	// Open for writing.
	CreateFile      Point = "create/file"      // a local file for a new node
	CreateRecorded  Point = "create/recorded"  // the node and its draft
	DraftFile       Point = "draft/file"       // an empty local file for a node that is there
	DraftRecorded   Point = "draft/recorded"   // its draft
	DraftCopied     Point = "draft/copied"     // a local file with the content, of here or S3
	DraftBegun      Point = "draft/begun"      // its draft
	DetachRecorded  Point = "detach/recorded"  // the version's own file is the draft: the content is elsewhere
	ShareCloned     Point = "share/cloned"     // the content that others read, to be kept
	ShareSynced     Point = "share/synced"     // durably
	ShareRecorded   Point = "share/recorded"   // the file that they read is the draft
	TruncateDone    Point = "truncate/done"    // of a draft
	GiveBackSynced  Point = "give-back/synced" // a draft that nobody wrote is to be the version's file
	CommitIdentity  Point = "commit/identity"  // the local file tells what it is
	CommitSynced    Point = "commit/synced"    // it and its name are on the disk
	CommitRecorded  Point = "commit/recorded"  // the version is committed; the writer was not answered
	ReleaseSettled  Point = "release/settled"  // the version may go to S3
	MknodRecorded   Point = "mknod/recorded"   // a directory, link or special file
	LinkRecorded    Point = "link/recorded"    // another name, of content that is not committed
	RenameCommitted Point = "rename/committed" // what is renamed is committed
	RenameRecorded  Point = "rename/recorded"
	UnlinkRecorded  Point = "unlink/recorded"
	RmdirRecorded   Point = "rmdir/recorded"

	// Upload.
	UploadHashed    Point = "upload/hashed"       // the content has a checksum and gets a key
	UploadAnnounced Point = "upload/announced"    // both are on record, nothing was sent
	MultipartMade   Point = "multipart/created"   // the store has an upload that is not on record
	MultipartKnown  Point = "multipart/recorded"  // it is
	MultipartPart   Point = "multipart/part"      // a part was sent
	MultipartSent   Point = "multipart/sent"      // all were
	MultipartDone   Point = "multipart/completed" // the store was not asked how it went
	UploadCopied    Point = "upload/copied"       // by the store, of the same content
	UploadSent      Point = "upload/sent"         // the object is whole, which is not on record
	UploadDelivered Point = "upload/delivered"
	UploadFound     Point = "upload/found"   // the object of the last life is there
	UploadAborted   Point = "upload/aborted" // the parts of the last life are discarded
	CancelDiscarded Point = "cancel/discarded"
	CancelRecorded  Point = "cancel/recorded" // what may have been sent of a version that is not wanted is lost

	// After a rename.
	FollowSent   Point = "follow/sent"   // what is below a directory has its errands; the directory is on record still
	FollowDone   Point = "follow/done"   // it is not any more
	FollowLinked Point = "follow/linked" // a copy in the fallback has its new name besides
	FollowMoved  Point = "follow/moved"  // which is on record

	// Another key.
	RekeyLost      Point = "rekey/lost"      // the new key is on record as lost, not durably
	RekeyAnnounced Point = "rekey/announced" // durably
	RekeyCopied    Point = "rekey/copied"
	RekeySwitched  Point = "rekey/switched"

	// Fetch.
	FetchFilled   Point = "fetch/filled"   // a local file has the content
	FetchSynced   Point = "fetch/synced"   // durably
	FetchAttached Point = "fetch/attached" // it is the version's
	StreamBlock   Point = "stream/block"   // one part of large content is here
	StreamWhole   Point = "stream/whole"   // all are, and were checked

	// The reserve.
	ReserveTaken Point = "reserve/taken" // a piece of room
	ReserveGiven Point = "reserve/given" // back to the disk

	// Eviction, and all that goes from this server.
	EvictGivenUp  Point = "evict/given-up" // the row; the file is still there
	TrashUnlinked Point = "trash/unlinked" // files whose rows are still there
	OverflowMade  Point = "overflow/made"  // content in the fallback, not synced
	OverflowKept  Point = "overflow/kept"  // synced, not on record
	OverflowSet   Point = "overflow/set"   // on record, the local file still there
	OverflowLeft  Point = "overflow/left"  // the version is in S3, and the copy not its own any more

	// Into the fallback.
	SettleCopied    Point = "settle/copied"    // a file of its own, not synced
	SettleSynced    Point = "settle/synced"    // synced, not at its path
	SettleDir       Point = "settle/directory" // a directory above the path is made
	SettleAnnounced Point = "settle/announced" // the path is on record as stray
	SettleMoved     Point = "settle/moved"     // the file lies there
	SettleRecorded  Point = "settle/recorded"
	WayLinked       Point = "way/linked"    // what has the path has another name as well
	WayRecorded     Point = "way/recorded"  // which is on record
	WayAside        Point = "way/aside"     // what is not on record is set aside
	StrayRemoved    Point = "stray/removed" // a file whose row is still there
	AdoptRecorded   Point = "adopt/recorded"
	AdoptSome       Point = "adopt/some" // some names of a directory are taken in

	// Commands.
	TransferQueued Point = "transfer/queued"     // what is to be moved has its errand
	DropVerified   Point = "drop/verified"       // the object is the content; the copy is to go
	DropGivenUp    Point = "drop/given-up"       // the copy's row
	ObjectVerified Point = "object/verified"     // the copy is the content; the object is to go
	ObjectGivenUp  Point = "object/given-up"     // the object's row
	DiscardDone    Point = "gc/discarded"        // the rows of what was garbage
	CondemnDone    Point = "gc/condemned"        // objects that are to be deleted are on record as that
	DeleteDone     Point = "gc/deleted"          // one is deleted
	ForgetDone     Point = "gc/forgotten"        // the records of those that were deleted are gone
	OrphansSeen    Point = "orphans/seen"        // what no row knows is on record as seen
	OrphansDoomed  Point = "orphans/doomed"      // and as condemned
	UploadsAborted Point = "uploads/aborted"     // one that nobody finished; others are left
	Cured          Point = "verify/cured"        // what was wrong is given up on record; the mount was not told
	HeldReturned   Point = "quarantine/returned" // what was set aside is a file; the local file does not tell it
	HeldRemoved    Point = "quarantine/removed"  // from the record; the mount was not told
	UndeleteDone   Point = "undelete/done"       // the mount was not told
	ImportSome     Point = "import/some"         // some objects are files
	SwitchThrown   Point = "switch/thrown"       // the switch, before what waits is decided anew
	EndDrained     Point = "end/drained"         // all that could be sent is
	EndUnmounted   Point = "end/unmounted"       // no request comes any more
	EndStopped     Point = "end/stopped"         // nothing runs but the writer
	ArrangePlaced  Point = "arrange/placed"      // one file is at its path
	ArrangeMoved   Point = "arrange/moved"       // which is on record
	ArrangeDone    Point = "arrange/done"        // the fallback is the tree
	DatabaseEnding Point = "database/ending"     // all is durable, in the log
	DatabaseEmpty  Point = "database/emptied"    // all is in the database
	MarkEnded      Point = "database/mark-ended" // the mark tells of an orderly end
	DatabaseFrozen Point = "database/frozen"     // the disk failed; the files stay as they are

	// A copy of the metadata.
	SnapshotMade     Point = "snapshot/made" // on this server
	SnapshotPut      Point = "snapshot/put"  // in the bucket, not on record
	SnapshotRecorded Point = "snapshot/recorded"

	// A rebuilt database.
	RebuildBuilt   Point = "rebuild/built"            // under another name
	ReplaceDecided Point = "database/replace-decided" // it is to be the database
	ReplaceAside   Point = "database/replace-aside"   // one file of the old one has another name
	ReplaceCleared Point = "database/replace-cleared" // all have, durably
	ReplaceDone    Point = "database/replace-done"    // it is the database, not durably
)

// Points returns all of them.
func Points() []Point {
	return []Point{
		StartLocked, MarkMade, MarkBegun, DatabaseMade, DatabaseOpened, DatabaseSchema, MarkRunning, StartOpened,
		StartRecovered, StartMounted, MigrateCopied, MigrateKept, MigrateApplied, MigrateComplete, RecoverOrphans,
		RecoverTaken, RecoverCommitted, RecoverAbandoned, RecoverGivenUp, RecoverUnknown, RecoverRemoved,
		RecoverMerged, DamageGivenUp, DatabaseApplied, DatabaseCommitted, DatabaseCopied, CreateFile,
		CreateRecorded, DraftFile, DraftRecorded, DraftCopied, DraftBegun, DetachRecorded, ShareCloned, ShareSynced,
		ShareRecorded, TruncateDone, GiveBackSynced, CommitIdentity, CommitSynced, CommitRecorded, ReleaseSettled,
		MknodRecorded, LinkRecorded, RenameCommitted, RenameRecorded, UnlinkRecorded, RmdirRecorded, UploadHashed,
		UploadAnnounced, MultipartMade, MultipartKnown, MultipartPart, MultipartSent, MultipartDone, UploadCopied,
		UploadSent, UploadDelivered, UploadFound, UploadAborted, CancelDiscarded, CancelRecorded, FollowSent,
		FollowDone, FollowLinked, FollowMoved, RekeyLost, RekeyAnnounced, RekeyCopied, RekeySwitched, FetchFilled,
		FetchSynced, FetchAttached, StreamBlock, StreamWhole, ReserveTaken, ReserveGiven, EvictGivenUp,
		TrashUnlinked, OverflowMade, OverflowKept, OverflowSet, OverflowLeft, SettleCopied, SettleSynced, SettleDir,
		SettleAnnounced, SettleMoved, SettleRecorded, WayLinked, WayRecorded, WayAside, StrayRemoved, AdoptRecorded,
		AdoptSome, TransferQueued, DropVerified, DropGivenUp, ObjectVerified, ObjectGivenUp, DiscardDone,
		CondemnDone, DeleteDone, ForgetDone, OrphansSeen, OrphansDoomed, UploadsAborted, Cured, HeldReturned,
		HeldRemoved, UndeleteDone, ImportSome, SwitchThrown, EndDrained, EndUnmounted, EndStopped, ArrangePlaced,
		ArrangeMoved, ArrangeDone, DatabaseEnding, DatabaseEmpty, MarkEnded, DatabaseFrozen, SnapshotMade,
		SnapshotPut, SnapshotRecorded, RebuildBuilt, ReplaceDecided, ReplaceAside, ReplaceCleared, ReplaceDone,
	}
}
