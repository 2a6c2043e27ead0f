package main_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/backend"
	"contentfs/backend/s3"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/audit"
	"contentfs/fs/local"
	"contentfs/meta/sqlite"
)

// openBucket opens the volume's bucket past the program.
func openBucket(t testing.TB, v *life.Volume) backend.Backend {
	t.Helper()
	for _, kv := range v.Gateway.Env() {
		k, value, _ := strings.Cut(kv, "=")
		t.Setenv(k, value)
	}
	store, err := s3.Open(context.Background(), s3.Config{Bucket: life.Bucket, Endpoint: v.Gateway.Endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// auditVolume compares metadata, local files and objects with each other. The
// volume is not mounted.
func auditVolume(t testing.TB, v *life.Volume, store backend.Backend) {
	t.Helper()
	m, err := sqlite.Open(filepath.Join(v.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	files, err := local.Open(filepath.Join(v.State, "local"))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	r, err := audit.Verify(context.Background(), m, files, func(string) (backend.Backend, error) { return store, nil })
	if err != nil {
		t.Errorf("audit: %v", err)
	}
	for _, f := range r.Findings {
		t.Errorf("audit: %s", f)
	}
}
