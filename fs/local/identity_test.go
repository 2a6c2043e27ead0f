package local

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIdentityRoundTrip(t *testing.T) {
	s := newStore(t)
	f := create(t, s, nil)
	for _, want := range []Identity{
		{},
		{Kind: Draft, Ino: 1},
		{Kind: Committed, Ino: 1<<64 - 1, Version: 1<<63 - 1, Size: 1 << 40, Mode: 0o104755, UID: 1<<32 - 1, GID: 7,
			Path: []byte("/uid/field/\xff\x00\n\"\\/tanning bed.jpg")},
		{Kind: Copy, Version: 3, Path: []byte("/f")}, // shorter than the one before
	} {
		must(t, f.SetIdentity(want))
		r, err := s.Reopen(f)
		must(t, err)
		got, err := r.Identity()
		r.Close()
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("identity is %+v, not %+v", got, want)
		}
	}
}

func TestCreateIdentifies(t *testing.T) {
	s := newStore(t)
	want := Identity{Kind: Draft, Ino: 9, Path: []byte("/a/b")}
	f, err := s.Create(want)
	must(t, err)
	defer f.Close()
	if got, err := f.Identity(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("identity is %+v, %v", got, err)
	}
}

// TestIdentityOfHugePath: what does not fit is left out, and only that.
func TestIdentityOfHugePath(t *testing.T) {
	s := newStore(t)
	for _, n := range []int{1000, 4096, 100_000} {
		f := create(t, s, nil)
		must(t, f.SetIdentity(Identity{Kind: Draft, Path: []byte("/older")}))
		want := Identity{Kind: Committed, Ino: 5, Version: 6, Size: 7, Path: []byte(strings.Repeat("/huge", n/5))}
		must(t, f.SetIdentity(want))
		got, err := f.Identity()
		must(t, err)
		if n > 1000 && got.Path == nil {
			want.Path = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("path of %d bytes: identity is %.200v", n, got)
		}
	}
}

func TestNoIdentity(t *testing.T) {
	s := newStore(t)
	f, err := s.create()
	must(t, err)
	defer f.Close()
	if got, err := f.Identity(); err != nil || !reflect.DeepEqual(got, Identity{}) {
		t.Errorf("identity is %+v, %v", got, err)
	}
}

// FuzzIdentity: whatever lies in the attribute is an identity that survives being
// written again, or an error with the zero value.
func FuzzIdentity(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"kind":"draft","ino":7,"path":"L2E="}`, `{"kind":"draft"}x`, `{"ino":-1}`, `[]`,
		`{"path":"%"}`, `{"path":[]}`, `{"size":1e3}`, "\xff\x00", `{"kind":"\ud800"}`, `{"Kind":"copy","KIND":"draft"}`,
	} {
		f.Add([]byte(seed))
	}
	s := openIn(f, tmpfs(f, "size=16m"))
	file, err := s.create()
	must(f, err)
	f.Cleanup(func() { file.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 32<<10 {
			return
		}
		must(t, file.Control(func(fd int) error { return unix.Fsetxattr(fd, identityAttr, raw, 0) }))
		first, err := file.Identity()
		if err != nil {
			if !reflect.DeepEqual(first, Identity{}) {
				t.Errorf("%+v and error %v", first, err)
			}
			return
		}
		must(t, file.SetIdentity(first))
		second, err := file.Identity()
		must(t, err)
		if !bytes.Equal(first.Path, second.Path) {
			t.Errorf("path %q became %q", first.Path, second.Path)
		}
		first.Path, second.Path = nil, nil
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%+v became %+v", first, second)
		}
	})
}
