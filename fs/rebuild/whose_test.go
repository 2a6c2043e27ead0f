package rebuild

import (
	"context"
	"errors"
	"strings"
	"testing"

	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// again ends a life and begins the next.
func (v *volume) again() {
	v.Helper()
	v.close()
	v.open(sqlite.Options{MustExist: true})
}

// life gives the token of the life that made a version.
func (v *volume) life(ver meta.Version) string {
	v.Helper()
	token, err := v.m.Life(ver.ID)
	v.ok(err)
	return token
}

// TestKeepsItsID: a volume that comes back without a copy is the one that its objects
// name, or else a collection would take all of them for strangers.
func TestKeepsItsID(t *testing.T) {
	v := newVolume(t)
	v.upload("/a", "a")
	v.upload("/b", "b")
	id := v.m.VolumeID()
	v.lose()
	if r := v.build(FromListing); r.Volume != id || len(r.Findings) > 0 {
		t.Errorf("%s, not %s: %v", r.Volume, id, r.Findings)
	}
	v.lose()
	v.beginAnew()
	v.upload("/c", "c")
	other := v.m.VolumeID()
	v.lose()
	r := v.build(FromSnapshot) // there is none
	if r.Volume != id || len(r.Findings) != 1 || r.Findings[0].What != "volume "+other || r.Objects.Number != 2 {
		t.Errorf("%s, not %s, with %d objects: %v", r.Volume, id, r.Objects.Number, r.Findings)
	}
	v.close()
	all := v.rebuild(FromListing)
	all.AllVolumes = true
	if r, err := all.Build(context.Background()); err != nil || r.Volume != id || len(r.Findings) != 1 || r.Objects.Number != 3 {
		t.Errorf("all volumes: %+v, %v", r, err)
	}
	chosen := v.rebuild(FromListing)
	chosen.Volume = other
	if r, err := chosen.Build(context.Background()); err != nil || r.Volume != other {
		t.Errorf("%v, %v", r, err)
	}
	chosen.Volume = strings.Repeat("0", 32)
	if _, err := chosen.Build(context.Background()); !errors.Is(err, ErrVolumes) {
		t.Errorf("a volume that nobody knows: %v", err)
	}
}

// TestLivesAfterTheCopy: what was written after the copy, by the life that took it and
// by those that came then, is not taken for the work of a lost database.
func TestLivesAfterTheCopy(t *testing.T) {
	for _, source := range []Source{FromSnapshot, FromListing} {
		t.Run(string(source), func(t *testing.T) {
			v := newVolume(t)
			a := v.upload("/a", "a")
			v.snapshot()
			b := v.upload("/b", "b")
			v.again()
			c := v.upload("/c", "c")
			token := map[meta.VersionID]string{a.ID: v.life(a), b.ID: v.life(b), c.ID: v.life(c)}
			v.lose()
			v.build(source)
			d := v.upload("/d", "d")
			v.again()
			e := v.upload("/e", "e")
			token[d.ID], token[e.ID] = v.life(d), v.life(e)
			for id, of := range token {
				if issued, err := v.m.Issued(id, of); err != nil || !issued {
					t.Errorf("%d of %s: %v, %v", id, of, issued, err)
				}
			}
			for _, id := range []meta.VersionID{d.ID, e.ID + 1} {
				if issued, err := v.m.Issued(id, "otherone"); err != nil || issued {
					t.Errorf("%d of a life that was lost: %v", id, err)
				}
			}
		})
	}
}
