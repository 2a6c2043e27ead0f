package sqlite

import (
	"slices"
	"testing"

	"contentfs/meta"
)

// TestSharedPlace: of names at the same place none is left out, wherever a listing
// is cut. Places are chosen here as no names would have them.
func TestSharedPlace(t *testing.T) {
	s, path := openNew(t)
	stop := run(t, s)
	names := []string{"a", "b", "c", "d", "e", "f"}
	for i, name := range names {
		must(newFile(s, meta.Root, name, i))(t)
	}
	stop()
	raw(t, path, "CREATE TABLE aside AS SELECT name, place FROM name;"+
		"UPDATE name SET place = CASE name WHEN x'61' THEN 20 WHEN x'65' THEN 31 WHEN x'66' THEN 40 ELSE 30 END")
	for size := 3; size <= len(names)+1; size++ { // by fewer, three at one place could not be passed
		var got []string
		for after := meta.Place(0); ; {
			part := must(listed(s, meta.Root, after, size))(t)
			for _, e := range part {
				got = append(got, string(e.Name))
			}
			if len(part) < size {
				break
			}
			after = part[size-1].Place
		}
		for _, name := range names {
			if !slices.Contains(got, name) {
				t.Errorf("by %d: %q lacks %s", size, got, name)
			}
		}
	}
	raw(t, path, "UPDATE name SET place = (SELECT a.place FROM aside a WHERE a.name = name.name); DROP TABLE aside")
}
