package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"contentfs/backend"
)

// listed returns the keys of a whole listing.
func listed(t *testing.T, b backend.Backend, prefix, after string) []string {
	t.Helper()
	var keys []string
	err := b.List(t.Context(), prefix, after, func(o backend.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("list %q after %q: %v", prefix, after, err)
	}
	return keys
}

// wantKeys compares a listing with a set of keys, in order.
func wantKeys(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("listed %.80q\nwant %.80q", got, want)
	}
}

// treeKeys holds the orders that a walk of a tree gets wrong: "-" and "." sort
// before "/", everything else behind.
var treeKeys = []string{"a-b/x", "a.b", "a/b", "a/b.c", "a/b-c/d", "a/c/d/e", "a0", "aa/b", "b", "B", "ä", "p/1", "p/10", "p/2"}

func (s *suite) testListOrder(t *testing.T, b backend.Backend) {
	if keys := listed(t, b, "", ""); len(keys) != 0 {
		t.Fatalf("new store lists %q", keys)
	}
	keys := slices.Clone(treeKeys)
	if !s.limits.Tree {
		keys = append(keys, "a", "a/", "p", strings.Repeat("k", 238), strings.Repeat("k", 239), strings.Repeat("k", 238)+"!",
			strings.Repeat("k", 237)+"/!", strings.Repeat("k", 237)+"\x01")
	}
	for i, key := range keys {
		Put(t, b, key, make([]byte, i))
	}
	wantKeys(t, listed(t, b, "", ""), keys)
	err := b.List(t.Context(), "", "", func(o backend.Object) error {
		st, err := b.Stat(t.Context(), o.Key)
		if err != nil {
			return err
		}
		if o.Size != st.Size || o.ETag != st.ETag || o.Modified.IsZero() || o.Told.IsZero() || st.Told.IsZero() || o.Metadata != nil || o.SHA256 != nil {
			t.Errorf("listed %+v, stat says %+v", o, st)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *suite) testListPrefixAfter(t *testing.T, b backend.Backend) {
	for _, key := range treeKeys {
		Put(t, b, key, nil)
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "p/1", "none", "ä", "zzz", "\u00e4x"} {
		for _, after := range []string{"", "a", "a/", "a/b", "a/b.", "a/c", "p/1", "p/10", "zzz", "B"} {
			var want []string
			for _, key := range treeKeys {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			t.Run(fmt.Sprintf("%s>%s", prefix, after), func(t *testing.T) {
				wantKeys(t, listed(t, b, prefix, after), want)
			})
		}
	}
}

func (s *suite) testListStops(t *testing.T, b backend.Backend) {
	for i := range 5 {
		Put(t, b, fmt.Sprintf("k%d", i), nil)
	}
	stop := errors.New("enough")
	n := 0
	err := b.List(t.Context(), "", "", func(backend.Object) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || n != 2 {
		t.Errorf("stopped after %d with %v, want the unwrapped error after 2", n, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n = 0
	err = b.List(ctx, "", "", func(backend.Object) error {
		n++
		cancel()
		return nil
	})
	WantClass(t, err, backend.Canceled)
	if n != 1 {
		t.Errorf("%d objects listed after the context ended", n-1)
	}
}

// testListMany goes past the 1,000 keys that S3 puts on a page.
func (s *suite) testListMany(t *testing.T, b backend.Backend) {
	var want []string
	for i := range 1050 {
		key := fmt.Sprintf("many/%02d/%04d +", i%7, i)
		Put(t, b, key, nil)
		want = append(want, key)
	}
	wantKeys(t, listed(t, b, "many/", ""), want)
	slices.Sort(want)
	wantKeys(t, listed(t, b, "", want[24]), want[25:])
}
