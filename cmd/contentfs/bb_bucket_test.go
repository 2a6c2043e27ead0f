package main_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/cmd/contentfs/internal/workload"
	"contentfs/fs/content"
)

// bucketAudit looks at the bucket past the program: nothing in it is torn, and
// nothing changes.
type bucketAudit struct {
	t       testing.TB
	store   backend.Backend
	history *workload.History
	known   map[string]backend.Object // as first seen
}

func newBucketAudit(t testing.TB, v *life.Volume, h *workload.History) *bucketAudit {
	t.Helper()
	return &bucketAudit{t: t, store: openBucket(t, v), history: h, known: make(map[string]backend.Object)}
}

// check looks at all objects, and into those that are new.
func (b *bucketAudit) check() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var fresh []string
	still := 0
	err := b.store.List(ctx, "", "", func(o backend.Object) error {
		old, ok := b.known[o.Key]
		switch {
		case strings.HasSuffix(o.Key, "/.contentfs-probe"), content.IsReserved(o.Key):
		case !strings.HasPrefix(o.Key, life.Prefix+"/"):
			b.t.Errorf("object %s does not lie under the volume's prefix", o.Key)
		case !ok:
			fresh = append(fresh, o.Key)
			b.known[o.Key] = o
		default:
			still++
			if old.ETag != o.ETag || old.Size != o.Size || !old.Modified.Equal(o.Modified) {
				b.t.Errorf("object %s was replaced: it was %+v and is %+v", o.Key, old, o)
			}
		}
		return nil
	})
	if err != nil {
		b.t.Errorf("list the bucket: %v", err)
		return
	}
	if gone := len(b.known) - len(fresh) - still; gone != 0 {
		b.t.Errorf("%d objects are gone, and nobody may delete any", gone)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, key := range fresh {
		g.Go(func() error {
			if err := b.whole(ctx, key); err != nil {
				b.t.Errorf("object %s: %v", key, err)
			}
			return nil
		})
	}
	_ = g.Wait() // its functions return no errors
}

// whole reports an object whose bytes are not those that it tells, or were never
// the whole content of its file.
func (b *bucketAudit) whole(ctx context.Context, key string) error {
	o, err := b.store.Stat(ctx, key)
	if err != nil {
		return err
	}
	r, err := b.store.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if string(o.SHA256) != string(sum[:]) {
		return fmt.Errorf("its checksum is %x, it says %x", sum, o.SHA256)
	}
	info, err := content.ParseObjectMetadata(o.Metadata)
	if err != nil {
		return err
	}
	if info.Size != int64(len(body)) {
		return fmt.Errorf("it has %d bytes and says %d", len(body), info.Size)
	}
	if path := strings.TrimPrefix(string(info.Path), "/"); !b.history.Has(path, sum) {
		return fmt.Errorf("these %d bytes were never the whole content of %s", len(body), path)
	}
	return nil
}
