package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/backend"
	"contentfs/backend/mem"
	"contentfs/fs/control"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// withVolume makes a volume "web" that is not mounted. It holds /uid/field/new.jpg,
// which is not in S3, and /uid/field/old.jpg, which is.
func (f *fixture) withVolume() {
	f.t.Helper()
	state := filepath.Join(f.paths.state, "web")
	if err := os.MkdirAll(state, 0o700); err != nil {
		f.t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(state, databaseName), sqlite.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	f.fill(s)
	cancel()
	if err := <-done; err != nil {
		f.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) fill(s *meta.Store) {
	f.t.Helper()
	at := now.UnixNano()
	create := func(parent meta.Ino, name string, mode uint32) meta.Ino {
		n, err := s.Create(meta.CreateRequest{Parent: parent, Name: []byte(name), Mode: mode, Now: at})
		if err != nil {
			f.t.Fatal(err)
		}
		return n.Ino
	}
	field := create(create(meta.Root, "uid", meta.TypeDir|0o755), "field", meta.TypeDir|0o755)
	for i, name := range []string{"new.jpg", "old.jpg"} {
		file := meta.FileID(strings.Repeat(string(rune('a'+i)), 32))
		v, err := s.Commit(meta.CommitRequest{Ino: create(field, name, meta.TypeRegular|0o644), File: file, Size: 2048, Mtime: at, Now: at})
		if err != nil {
			f.t.Fatal(err)
		}
		if name != "old.jpg" {
			continue
		}
		const key = "uid_1o_field_old.jpg"
		if err := s.BeginUpload(v.ID, meta.BeginUpload{Bucket: "first-bucket", Key: key, SHA256: make([]byte, 32)}); err != nil {
			f.t.Fatal(err)
		}
		if _, err := s.FinishUpload(v.ID, key, "etag", nil, at); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestStatusWithoutAMount(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	code, out, errOut := f.command("status", "web")
	if code != exitOK || errOut != "" || !strings.HasSuffix(out, "web: not mounted, 2 files, 1 waiting (2 KiB, oldest 0s)\n") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
	code, out, _ = f.command("status", "web", "--format=json")
	var r statusResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s", code, err, out)
	}
	if c := r.Counts; c == nil || c.OnlyLocal != (tally{1, 2048}) || c.LocalAndS3 != (tally{1, 2048}) || c.Directories != 3 {
		t.Errorf("%s", out)
	}
}

func TestStatusOfADamagedDatabase(t *testing.T) {
	f := newFixture(t)
	f.write("lib/web/meta.db", "this is no database, but it is long enough to be read as one")
	if code, out, errOut := f.command("status", "web"); code != exitConfig || !strings.Contains(errOut, "meta.db") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
}

func TestUnmountOfWhatIsNotMounted(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	code, out, errOut := f.command("unmount", "web")
	if code != exitOK || !strings.Contains(out, "not mounted") || !strings.Contains(out, "1 file (2 KiB) kept in") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
}

// linkStore is a store whose objects have addresses.
type linkStore struct {
	bucketStub
	bucket string
}

func (s *linkStore) URL(key string) string { return "https://" + s.bucket + ".example.org/" + key }

func TestURLFromTheDatabase(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	f.env["CONTENTFS_BUCKET"] = "second-bucket" // the recorded bucket counts
	f.openStore = func(_ context.Context, c storeConfig) (objectStore, error) {
		return &linkStore{bucketStub{Backend: backend.Backend(mem.New())}, c.bucket}, nil
	}
	for _, tc := range []struct {
		args  string
		code  int
		out   string
		error string
	}{
		{"/uid/field/old.jpg", exitOK, "https://first-bucket.example.org/uid_1o_field_old.jpg\n", ""},
		{"/uid/field/old.jpg --cdn-domain cdn.example.org", exitOK, "https://cdn.example.org/uid_1o_field_old.jpg\n", ""},
		{"/uid/field/new.jpg --site-url https://www.example.org/", exitOK, "https://www.example.org/uid/field/new.jpg\n", ""},
		{"/uid/field/new.jpg", exitFailed, "", "no site_url"},
		{"/uid/field/none.jpg /uid/field/old.jpg", exitFailed, "https://first-bucket.example.org/uid_1o_field_old.jpg\n", "no such file"},
		{"/uid", exitFailed, "", "only files"},
		{"uid", exitFailed, "", "begins with /"},
	} {
		code, out, errOut := f.command(append([]string{"url", "--volume", "web"}, strings.Fields(tc.args)...)...)
		if code != tc.code || out != tc.out || !strings.Contains(errOut, tc.error) {
			t.Errorf("%s: exit %d, %q, %s", tc.args, code, out, errOut)
		}
	}
	code, out, _ := f.command("url", "--volume", "web", "--format", "json", "/uid/field/old.jpg", "/none")
	if code != exitFailed || !strings.Contains(out, `"verdict":"1 of 2 addresses found"`) {
		t.Errorf("json: exit %d, %s", code, out)
	}
}

func TestURLOutsideAMount(t *testing.T) {
	f := newFixture(t)
	code, out, errOut := f.command("url", f.write("file", "x"))
	if code != exitFailed || out != "" || errOut == "" {
		t.Errorf("exit %d, %q, %s", code, out, errOut)
	}
}

// liveMount answers as a mount would, and closes the socket when it is unmounted.
type liveMount struct {
	l      net.Listener
	result control.Result
	drains []bool
}

func (m *liveMount) Status(context.Context) (control.Status, error) {
	// A process that has ended: the unmount must not wait for the test's own.
	return control.Status{Name: "web", Mountpoint: "/srv/web", PID: 1 << 22, State: "/st", Durability: "strict"}, nil
}

func (m *liveMount) Wake(context.Context) error { return nil }

func (m *liveMount) Drain(ctx context.Context, report func(control.Progress)) error {
	report(control.Progress{Pending: 5})
	<-ctx.Done()
	return ctx.Err()
}

func (m *liveMount) Unmount(_ context.Context, drain bool, _ func(control.Progress)) (control.Result, error) {
	m.drains = append(m.drains, drain)
	return m.result, nil
}

func TestUnmountOfALiveMount(t *testing.T) {
	for _, tc := range []struct {
		args  string
		busy  string
		drain bool
		code  int
	}{
		{"", "", true, exitOK},
		{"--no-drain", "", false, exitOK},
		{"--wait 20ms", "", false, exitOK},
		{"", "in use", true, exitFailed},
	} {
		f := newFixture(t)
		f.withVolume()
		m := &liveMount{result: control.Result{Error: tc.busy}}
		l, err := control.Listen(filepath.Join(f.paths.run, "web.sock"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- control.Serve(ctx, l, m) }()
		code, out, errOut := f.command(append([]string{"unmount", "web"}, strings.Fields(tc.args)...)...)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if code != tc.code || len(m.drains) != 1 || m.drains[0] != tc.drain {
			t.Errorf("%q: exit %d, drains %v, %s%s", tc.args, code, m.drains, out, errOut)
		}
		if tc.busy != "" && (!strings.Contains(errOut, tc.busy) || !strings.Contains(errOut, "fuser")) {
			t.Errorf("%q: %s", tc.args, errOut)
		}
	}
}
