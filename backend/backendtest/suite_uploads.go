package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"contentfs/backend"
)

// uploads lists what is unfinished.
func uploads(t *testing.T, b backend.Backend, prefix string) (list []backend.Upload) {
	t.Helper()
	l, ok := b.(backend.UploadLister)
	if !ok {
		t.Fatal("the driver does not say what is unfinished")
	}
	err := l.ListUploads(t.Context(), prefix, func(u backend.Upload) error {
		list = append(list, u)
		return nil
	})
	if err != nil {
		t.Fatalf("list uploads %q: %v", prefix, err)
	}
	return list
}

// testUploads: what is being sent in parts is listed while it is, by key, and can be
// aborted; a driver that cuts nothing in parts lists none.
func (s *suite) testUploads(t *testing.T, b backend.Backend) {
	if _, ok := b.(backend.UploadLister); !ok && s.limits.Parted == 0 {
		return // nothing goes in parts, and nobody asks
	}
	body := bytes.Repeat([]byte("0123456789abcdef"), max(s.limits.Parted, 16)/16)
	stop := errors.New("stopped")
	keys := []string{"p/a +b", "p/c", "q/c"}
	begun := 0
	// Each upload is left unfinished by the next one, which begins inside it.
	var put func(depth int) error
	put = func(depth int) error {
		opts := options(body)
		opts.Multipart = func(id string) error {
			begun++
			if depth+1 < len(keys) {
				if err := put(depth + 1); err != nil {
					return err
				}
				return nil
			}
			s.unfinished(t, b, id, keys)
			return stop
		}
		_, err := b.Put(t.Context(), keys[depth], bytes.NewReader(body), int64(len(body)), opts)
		if depth+1 == len(keys) && s.limits.Parted > 0 {
			if !errors.Is(err, stop) {
				return fmt.Errorf("the upload went on: %w", err)
			}
			return nil
		}
		return err
	}
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	if want := len(keys); s.limits.Parted > 0 && begun != want || s.limits.Parted == 0 && begun != 0 {
		t.Errorf("%d uploads in parts were begun", begun)
	}
	if list := uploads(t, b, ""); len(list) != 0 {
		t.Errorf("unfinished when everything is finished: %+v", list)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	WantClass(t, b.(backend.UploadLister).ListUploads(ctx, "", nil), backend.Canceled)
}

// unfinished looks at the uploads while all are under way; id is that of the last.
func (s *suite) unfinished(t *testing.T, b backend.Backend, id string, keys []string) {
	t.Helper()
	list := uploads(t, b, "")
	if len(list) != len(keys) {
		t.Fatalf("unfinished: %+v", list)
	}
	for i, u := range list {
		age := u.Told.Sub(u.Begun)
		if u.Key != keys[i] || u.ID == "" || u.Begun.IsZero() || age < -time.Minute || age > 10*time.Minute {
			t.Errorf("upload %d is %+v", i, u)
		}
	}
	if list[2].ID != id {
		t.Errorf("the id of %s is %q, not %q", keys[2], list[2].ID, id)
	}
	if list := uploads(t, b, "p/"); len(list) != 2 || list[0].Key != keys[0] || list[1].Key != keys[1] {
		t.Errorf("unfinished under p/: %+v", list)
	}
	stop := errors.New("enough")
	n := 0
	err := b.(backend.UploadLister).ListUploads(t.Context(), "", func(backend.Upload) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("stopped after %d with %v", n, err)
	}
}
