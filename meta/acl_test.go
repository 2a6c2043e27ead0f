package meta

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
)

// list makes the bytes of an access list from tag, permission, id triples.
func list(triples ...uint32) []byte {
	var a acl
	for i := 0; i < len(triples); i += 3 {
		a = append(a, aclEntry{uint16(triples[i]), uint16(triples[i+1]), triples[i+2]})
	}
	return a.bytes()
}

const nobody = ^uint32(0) // the id of entries without one

func TestParseACL(t *testing.T) {
	minimal := list(aclUserObj, 7, nobody, aclGroupObj, 5, nobody, aclOther, 0, nobody)
	full := list(aclUserObj, 6, nobody, aclUser, 7, 33, aclUser, 4, 34, aclGroupObj, 5, nobody, aclGroup, 6, 50,
		aclMask, 4, nobody, aclOther, 1, nobody)
	for name, c := range map[string]struct {
		b        []byte
		extended bool
		mode     uint32
	}{
		"minimal": {minimal, false, 0o2750},
		"full":    {full, true, 0o2641},
		"mask":    {list(aclUserObj, 7, nobody, aclGroupObj, 7, nobody, aclMask, 1, nobody, aclOther, 0, nobody), true, 0o2710},
	} {
		a, err := parseACL(c.b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.extended() != c.extended || a.mode(0o2777) != c.mode || !bytes.Equal(a.bytes(), c.b) {
			t.Errorf("%s: extended %v, mode %o", name, a.extended(), a.mode(0o2777))
		}
	}
	for name, b := range map[string][]byte{
		"nothing":       nil,
		"no entries":    list(),
		"cut":           minimal[:len(minimal)-1],
		"another form":  append([]byte{1, 0, 0, 0}, minimal[4:]...),
		"no others":     list(aclUserObj, 7, nobody, aclGroupObj, 5, nobody),
		"no mask":       list(aclUserObj, 7, nobody, aclUser, 5, 1, aclGroupObj, 5, nobody, aclOther, 0, nobody),
		"two owners":    list(aclUserObj, 7, nobody, aclUserObj, 7, nobody, aclGroupObj, 5, nobody, aclOther, 0, nobody),
		"out of order":  list(aclGroupObj, 5, nobody, aclUserObj, 7, nobody, aclOther, 0, nobody),
		"unknown tag":   list(aclUserObj, 7, nobody, aclGroupObj, 5, nobody, aclOther, 0, nobody, 0x40, 0, nobody),
		"no permission": list(aclUserObj, 8, nobody, aclGroupObj, 5, nobody, aclOther, 0, nobody),
	} {
		if _, err := parseACL(b); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzACL: what is taken keeps its bytes, agrees with every mode it is given, and
// gives nobody more than the mode a node is made with.
func FuzzACL(f *testing.F) {
	f.Add(list(aclUserObj, 7, nobody, aclGroupObj, 5, nobody, aclOther, 0, nobody), uint32(0o640))
	f.Add(list(aclUserObj, 6, nobody, aclUser, 7, 33, aclGroupObj, 5, nobody, aclGroup, 6, 50, aclMask, 4, nobody, aclOther, 1, nobody), uint32(0o4755))
	f.Fuzz(func(t *testing.T, b []byte, mode uint32) {
		a, err := parseACL(b)
		if err != nil {
			return
		}
		if !bytes.Equal(a.bytes(), b) {
			t.Fatalf("%x became %x", b, a.bytes())
		}
		before := a.mode(0)
		made := append(acl{}, a...)
		made.restrict(mode)
		if got := made.mode(0); got != before&mode&modeAccess {
			t.Errorf("%x made with %o stands for %o", b, mode, got)
		}
		a.chmod(mode)
		if got := a.mode(0); got != mode&modeAccess {
			t.Errorf("%x with mode %o stands for %o", b, mode, got)
		}
		if !a.valid() || !made.valid() {
			t.Errorf("%x is no list any more", b)
		}
	})
}
