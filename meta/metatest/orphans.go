package metatest

import (
	"slices"

	"contentfs/meta"
)

// testOrphans: what no row knows is remembered from its first sighting on, as long as
// every listing shows it, and goes only while no row knows it.
func testOrphans(e *env) {
	v := e.stored(e.written(meta.Root, "f", 5), "p/f")
	e.ok(e.s.LoseObject("b", "p/lost", e.now()))
	unknown := get(e.s.Unknown("b", []string{"p/a", "p/f", "p/lost", "p/z", ""}))(e)
	if !slices.Equal(unknown, []string{"p/a", "p/z", ""}) {
		e.Errorf("unknown: %q", unknown)
	}
	same(e, "in another bucket", len(get(e.s.Unknown("c", []string{"p/f", "p/lost"}))(e)), 2)
	same(e, "key spaces", len(get(e.s.KeySpaces())(e)), 1)

	first := get(e.s.SeeOrphans("b", []meta.Orphan{{Key: "p/a", ETag: "1", Listed: 100}, {Key: "p/f", ETag: "1", Listed: 100},
		{Key: "p/z", ETag: "1", Listed: 100}}))(e)
	same(e, "first sighting", first[0], meta.Orphan{Bucket: "b", Key: "p/a", ETag: "1", Seen: 100, Listed: 100})
	if gone := get(e.s.CondemnOrphans(first))(e); len(gone) != 0 {
		e.Errorf("seen once and condemned: %+v", gone)
	}
	see := func(at int64, etag string, keys ...string) (list []meta.Orphan) {
		for _, k := range keys {
			list = append(list, meta.Orphan{Key: k, ETag: etag, Listed: at})
		}
		return get(e.s.SeeOrphans("b", list))(e)
	}
	see(100, "1", "p/a", "p/f", "p/z")
	get(e.s.SeeOrphans("c", nil))(e) // of elsewhere
	see(200, "1", "p/a", "p/f")      // z was not there
	second := see(300, "1", "p/a", "p/f", "p/z")
	if second[0].Seen != 100 || second[2].Seen != 300 {
		e.Errorf("sightings: %+v", second)
	}
	changed := see(400, "2", "p/a")
	same(e, "another object", changed[0].Seen, 400)
	see(500, "2", "p/a", "p/f")
	third := see(600, "2", "p/a", "p/f")
	// f has a version: it got one since.
	condemned := get(e.s.CondemnOrphans(third))(e)
	if len(condemned) != 1 || condemned[0] != (meta.LostObject{Bucket: "b", Key: "p/a"}) {
		e.Errorf("condemned: %+v", condemned)
	}
	same(e, "condemned again", len(get(e.s.CondemnOrphans(third))(e)), 0)
	// A condemned one is nobody's any more, and the collection of what is on record
	// finishes what a crash left.
	same(e, "given up", get(e.s.GaveUp("b", "p/a"))(e), true)
	list := get(e.s.GarbageObjects(1, meta.LostObject{}, 9))(e)
	if len(list) != 1 || list[0] != condemned[0] {
		e.Errorf("on record: %+v", list)
	}
	e.ok(e.s.ForgetLostObjects(condemned))
	same(e, "the version's object", e.version(v.ID).Key, "p/f")
}

// testUploadOnRecord tells the uploads of versions from others.
func testUploadOnRecord(e *env) {
	v := e.written(meta.Root, "f", 5)
	e.begin(v.ID)
	v = e.version(v.ID)
	same(e, "before", get(e.s.UploadOnRecord(v.Bucket, v.Key, "u"))(e), false)
	e.ok(e.s.SetUploadID(v.ID, "u"))
	same(e, "on record", get(e.s.UploadOnRecord(v.Bucket, v.Key, "u"))(e), true)
	same(e, "another", get(e.s.UploadOnRecord(v.Bucket, v.Key, "w"))(e), false)
	same(e, "of another key", get(e.s.UploadOnRecord(v.Bucket, "k", "u"))(e), false)
}

// testIssued: ids are told apart that this database gave out and cannot have.
func testIssued(e *env) {
	v := e.written(meta.Root, "f", 5)
	w := e.written(meta.Root, "g", 5)
	for id, want := range map[meta.VersionID]bool{v.ID: true, w.ID: true, w.ID + 1: false, 1 << 60: false, v.ID - 1: false, 1: false} {
		life := get(e.s.Life(v.ID))(e)
		if got := get(e.s.Issued(id, life))(e); got != want {
			e.Errorf("id %d, of %d and %d that were given out: %v", id, v.ID, w.ID, got)
		}
		if len(life) != 8 || get(e.s.Issued(id, "another"))(e) {
			e.Errorf("id %d, of another life than %q", id, life)
		}
	}
}
