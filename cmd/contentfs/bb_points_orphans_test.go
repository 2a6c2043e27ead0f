package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/s3"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// orphansAct: what the bucket has and no row knows goes.
func orphansAct() act {
	collect := func(s *theatre) []string { return s.line("gc", "--orphans", "--yes", "--force") }
	abort := func(s *theatre) []string { return s.line("gc", "--yes") }
	// none shows that another collection finds what the one that was broken off left, and
	// takes nothing else.
	none := func(s *theatre) error {
		if err := s.Run(collect(s)...).Want(0); err != nil {
			return err
		}
		files := 0
		for path := range s.state {
			if !strings.HasSuffix(path, "/") {
				files++
			}
		}
		if keys := objects(s.T.(*testing.T), s.bucket.store); len(keys) != files {
			return fmt.Errorf("%d objects for %d files: %q", len(keys), files, keys)
		}
		left, err := filepath.Glob(filepath.Join(s.Gateway.Dir, life.Bucket, ".sgwtmp/multipart/*/*"))
		if err == nil && len(left) != 0 {
			err = fmt.Errorf("uploads in parts are left: %q", left)
		}
		return err
	}
	return act{name: "orphans", loose: true, prepare: filled(3), scenes: []scene{
		{point: crash.OrphansSeen, before: orphan, command: collect, after: none},
		{point: crash.OrphansDoomed, cut: true, before: orphan, command: collect, after: none},
		{point: crash.DeleteDone, long: true, before: orphan, command: collect, after: none},
		{point: crash.ForgetDone, long: true, before: orphan, command: collect, after: none},
		{point: crash.UploadsAborted, before: unfinished, command: abort, after: none},
	}}
}

// orphan puts an object of this volume in the bucket that no row knows, and has it that
// it was seen long ago.
func orphan(s *theatre) error {
	ctx, store := context.Background(), s.bucket.store
	kept := objects(s.T.(*testing.T), store)[0]
	o, err := store.Stat(ctx, kept)
	if err != nil {
		return err
	}
	s.n++
	key, body := fmt.Sprintf("%s.orphan%d", kept, s.n), []byte("left over")
	if i := strings.LastIndexByte(kept, '_'); i > 0 {
		key = fmt.Sprintf("%s_orphan%d.jpg", kept[:i], s.n)
	}
	_, err = store.Put(ctx, key, bytes.NewReader(body), int64(len(body)), backend.PutOptions{SHA256: sha256.Sum256(body), Metadata: o.Metadata})
	if err != nil {
		return err
	}
	old := time.Now().Add(-72 * time.Hour)
	if err := os.Chtimes(filepath.Join(s.Gateway.Dir, life.Bucket, key), old, old); err != nil {
		return err
	}
	if o, err = store.Stat(ctx, key); err != nil {
		return err
	}
	inDatabase(s.T.(*testing.T), s.Volume, func(m *meta.Store) error {
		_, err := m.SeeOrphans(life.Bucket, nil)
		if err == nil {
			_, err = m.SeeOrphans(life.Bucket, []meta.Orphan{{Key: key, ETag: o.ETag, Listed: time.Now().Add(-25 * time.Hour).UnixNano()}})
		}
		return err
	})
	return nil
}

// unfinished begins an upload in parts, two days ago, and leaves it.
func unfinished(s *theatre) error {
	t := s.T.(*testing.T)
	kept := objects(t, s.bucket.store)[0]
	store, err := s3.Open(t.Context(), s3.Config{Bucket: life.Bucket, Endpoint: s.Gateway.Endpoint, PathStyle: true, PartSize: 5 << 20})
	if err != nil {
		return err
	}
	s.n++
	key := fmt.Sprintf("%s_unfinished%d.jpg", kept[:strings.LastIndexByte(kept, '_')], s.n)
	begun, end, ended := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_, err := store.Put(context.Background(), key, zeros{}, 6<<20, backend.PutOptions{Multipart: func(id string) error {
			found, err := filepath.Glob(filepath.Join(s.Gateway.Dir, life.Bucket, ".sgwtmp", "multipart", "*", id))
			if err == nil && len(found) != 1 {
				err = fmt.Errorf("the gateway's folder of the upload: %q", found)
			}
			if err == nil {
				old := time.Now().Add(-48 * time.Hour)
				err = os.Chtimes(found[0], old, old)
			}
			begun <- err
			<-end // of the test: else it is aborted here
			return errors.New("left")
		}})
		begun <- err // if it never began
	}()
	t.Cleanup(func() { close(end); <-ended })
	return <-begun
}
