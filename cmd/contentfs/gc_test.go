package main

import (
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/fs/audit"
	"contentfs/meta"
)

// TestDeleteRefused: the permission to add is said, and the exit code is that of the
// store's answer.
func TestDeleteRefused(t *testing.T) {
	f := newFixture(t)
	r := &gcResult{Volume: "web", Grace: "0s", Collected: true, now: time.Now()}
	r.plan(&meta.Garbage{Versions: meta.Count{Number: 2, Bytes: 7}})
	r.done = audit.Collected{Versions: 2, Bytes: 7, Objects: 1, Left: 1, Failed: map[string]error{
		"bucket": &backend.Error{Op: "delete", Key: "k", Class: backend.Denied, Code: "AccessDenied"}}}
	err := f.gcEnd(t.Context(), true, &session{target: &target{config: &config{name: "web"}}}, r, nil)
	var errOut strings.Builder
	if code := report(&errOut, err); code != exitConfig || !strings.Contains(errOut.String(), "s3:DeleteObject") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
	if got := r.verdict(); got != "2 versions (7 B) and 1 object removed, 1 object left" {
		t.Errorf("verdict %q", got)
	}
}
