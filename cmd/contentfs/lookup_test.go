package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/mem"
	"contentfs/meta/sqlite"
)

// signing is a linkStore that signs.
type signing struct{ linkStore }

func (s *signing) SignedURL(_ context.Context, key string, ttl time.Duration) (string, error) {
	return s.URL(key) + "?for=" + ttl.String(), nil
}

func newLookup(t *testing.T) *fixture {
	f := newFixture(t)
	f.withVolume()
	f.env["CONTENTFS_BUCKET"] = "first-bucket"
	f.openStore = func(_ context.Context, c storeConfig) (objectStore, error) {
		return &signing{linkStore{bucketStub{Backend: backend.Backend(mem.New())}, c.bucket}}, nil
	}
	return f
}

func TestLookup(t *testing.T) {
	f := newLookup(t)
	const path = "/uid/field/old.jpg\n"
	for _, tc := range []struct {
		args  string
		code  int
		out   string
		error string
	}{
		{"uid_1o_field_old.jpg", exitOK, path, ""},
		{"https://first-bucket.example.org/uid_1o_field_old.jpg", exitOK, path, ""},
		{"https://first-bucket.example.org/uid%5F1o_field_old.jpg", exitOK, path, ""},
		{"https://first-bucket.s3.eu-central-1.amazonaws.com/uid_1o_field_old.jpg", exitOK, path, ""},
		{"https://s3.amazonaws.com/first-bucket/uid_1o_field_old.jpg", exitOK, path, ""},
		{"https://CDN.example.org/uid_1o_field_old.jpg --cdn-domain cdn.example.org", exitOK, path, ""},
		{"https://www.example.org/files/uid/field/old.jpg --site-url https://www.example.org/files", exitOK, path, ""},
		{"https://www.example.org/files/uid/field/new.jpg --site-url https://www.example.org/files", exitOK, "/uid/field/new.jpg\n", ""},
		{"https://www.example.org/filesuid/field/old.jpg --site-url https://www.example.org/files", exitFailed, "", "nothing in this volume"},
		{"https://www.example.org/uid/field --site-url https://www.example.org", exitFailed, "", "nothing in this volume"},
		{"nothing uid_1o_field_old.jpg", exitFailed, path, "nothing in this volume"},
		{"https://other.example.org/uid_1o_field_old.jpg", exitFailed, "", "nothing in this volume"},
		{"uid_1o_field_old.jpg --bucket another-bucket", exitOK, path, ""},
		{"https:///", exitFailed, "", "nothing in this volume"},
		{"", exitUsage, "", "is missing"},
	} {
		code, out, errOut := f.command(append([]string{"lookup", "web"}, strings.Fields(tc.args)...)...)
		if code != tc.code || out != tc.out || !strings.Contains(errOut, tc.error) {
			t.Errorf("%s: exit %d, %q, %s", tc.args, code, out, errOut)
		}
	}
	code, out, _ := f.command("lookup", "web", "--format", "json", "uid_1o_field_old.jpg", "nothing")
	if code != exitFailed || !strings.Contains(out, `"path":"/uid/field/old.jpg"`) || !strings.Contains(out, `"verdict":"1 of 2 found"`) {
		t.Errorf("json: exit %d, %s", code, out)
	}
}

// TestLookupOfWhatWent: the path of content that was removed is still known.
func TestLookupOfWhatWent(t *testing.T) {
	f := newLookup(t)
	s, err := sqlite.Open(filepath.Join(f.paths.state, "web", databaseName), sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	dir, err := s.Resolve([]byte("/uid/field"))
	if err == nil {
		_, err = s.Unlink(dir.Ino, []byte("old.jpg"), now.UnixNano()+1)
	}
	cancel()
	if err := errors.Join(err, <-done, s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"uid_1o_field_old.jpg", "https://www.example.org/uid/field/old.jpg --site-url https://www.example.org"} {
		code, out, errOut := f.command(append([]string{"lookup", "web"}, strings.Fields(args)...)...)
		if code != exitOK || !strings.HasPrefix(out, "/uid/field/old.jpg  (no longer") {
			t.Errorf("%s: exit %d, %q, %s", args, code, out, errOut)
		}
	}
}

func TestURLByName(t *testing.T) {
	f := newLookup(t)
	const object = "https://first-bucket.example.org/uid_1o_field_old.jpg"
	for _, tc := range []struct {
		args  string
		code  int
		out   string
		error string
	}{
		{"--uid uid --field field --filename old.jpg", exitOK, object + "\n", ""},
		{"--uid uid --field field", exitFailed, "", "several files"},
		{"--uid uid --field nothing", exitFailed, "", "no such directory"},
		{"--uid uid --field field --scale large --filename old.jpg", exitFailed, "", ""},
		{"--uid uid", exitUsage, "", "go together"},
		{"--uid uid --field field /uid/field/old.jpg", exitUsage, "", "exclude"},
		{"--signed 15m /uid/field/old.jpg", exitOK, object + "?for=15m0s\n", ""},
		{"--signed 15m /uid/field/new.jpg", exitFailed, "", "not in S3"},
		{"--signed 200h /uid/field/old.jpg", exitUsage, "", "seven days"},
	} {
		code, out, errOut := f.command(append([]string{"url", "--volume", "web"}, strings.Fields(tc.args)...)...)
		if code != tc.code || out != tc.out || !strings.Contains(errOut, tc.error) {
			t.Errorf("%s: exit %d, %q, %s", tc.args, code, out, errOut)
		}
	}
	if code, _, errOut := f.command("url", "--signed", "1m", "/x"); code != exitUsage || !strings.Contains(errOut, "--volume") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}
