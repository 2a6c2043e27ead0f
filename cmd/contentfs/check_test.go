package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
)

// bucketStub is a store whose bucket can be missing, refused or away.
type bucketStub struct {
	backend.Backend
	check, create error
	created       bool
}

func (b *bucketStub) CheckBucket(context.Context) error {
	if b.created {
		return nil
	}
	return b.check
}

func (b *bucketStub) CreateBucket(context.Context) error {
	b.created = b.create == nil
	return b.create
}

// careless replaces objects although it was asked not to.
type careless struct{ backend.Backend }

func (c careless) Put(ctx context.Context, key string, body io.ReaderAt, size int64, o backend.PutOptions) (backend.Object, error) {
	o.IfAbsent = false
	return c.Backend.Put(ctx, key, body, size, o)
}

// coded fails every Put with a code of S3.
type coded struct {
	backend.Backend
	class backend.Class
	code  string
}

func (c coded) Put(context.Context, string, io.ReaderAt, int64, backend.PutOptions) (backend.Object, error) {
	return backend.Object{}, &backend.Error{Op: "put", Class: c.class, Code: c.code}
}

// humble knows no conditional writes, and says so when it is asked.
type humble struct {
	backend.Backend
	asked bool
}

func (h *humble) Put(ctx context.Context, key string, body io.ReaderAt, size int64, o backend.PutOptions) (backend.Object, error) {
	if o.IfAbsent && !h.asked {
		return backend.Object{}, &backend.Error{Op: "put", Class: backend.Invalid, Code: "NotImplemented"}
	}
	return h.Backend.Put(ctx, key, body, size, o)
}

func (h *humble) Probe(context.Context, string) (backend.Capabilities, error) {
	h.asked = true
	return backend.Capabilities{Checksums: true}, nil
}

// prober is a bucketStub that can be asked.
type prober struct {
	*bucketStub
	backend.Prober
}

func failing(op fault.Op, class backend.Class) backend.Backend {
	b := fault.New(mem.New())
	b.Add(fault.Rule{Op: op, Fail: true, Class: class})
	return b
}

func TestCheck(t *testing.T) {
	missing := &backend.Error{Op: "check bucket", Class: backend.Missing, Code: "NoSuchBucket"}
	away := &backend.Error{Op: "check bucket", Class: backend.Transient}
	denied := &backend.Error{Op: "check bucket", Class: backend.Denied, Code: "Forbidden"}
	elsewhere := &backend.Error{Op: "check bucket", Class: backend.Missing, Code: "PermanentRedirect"}
	flipped := fault.New(mem.New())
	flipped.Add(fault.Rule{Op: fault.Get, FlipByte: true})
	lost := fault.New(mem.New())
	lost.Add(fault.Rule{Op: fault.Put, Lose: true, Class: backend.Transient})

	const name, region, bucket, creds, write, read, cond, del = 0, 1, 2, 3, 4, 5, 6, 7
	for _, tc := range []struct {
		what  string
		store objectStore
		args  string
		code  int
		bad   map[int]outcome // steps that are not ok; those behind a failure are skipped
	}{
		{"all well", &bucketStub{Backend: mem.New()}, "", exitOK, nil},
		{"missing", &bucketStub{Backend: mem.New(), check: missing}, "", exitConfig, map[int]outcome{bucket: failed, creds: skipped, write: skipped, read: skipped, cond: skipped, del: skipped}},
		{"missing, to be created", &bucketStub{Backend: mem.New(), check: missing}, "--create-bucket", exitOK, nil},
		{"missing, and cannot be created", &bucketStub{Backend: mem.New(), check: missing, create: denied}, "--create-bucket", exitConfig, map[int]outcome{bucket: failed, creds: skipped, write: skipped, read: skipped, cond: skipped, del: skipped}},
		{"in another region", &bucketStub{Backend: mem.New(), check: elsewhere}, "--create-bucket", exitConfig, map[int]outcome{bucket: failed, creds: skipped, write: skipped, read: skipped, cond: skipped, del: skipped}},
		{"away", &bucketStub{Backend: mem.New(), check: away}, "", exitUnreachable, map[int]outcome{bucket: failed, creds: skipped, write: skipped, read: skipped, cond: skipped, del: skipped}},
		{"looking refused", &bucketStub{Backend: mem.New(), check: denied}, "", exitOK, map[int]outcome{bucket: warned}},
		{"wrong secret", &bucketStub{Backend: coded{mem.New(), backend.Denied, "SignatureDoesNotMatch"}}, "", exitConfig, map[int]outcome{creds: failed, write: skipped, read: skipped, cond: skipped, del: skipped}},
		{"no permission", &bucketStub{Backend: coded{mem.New(), backend.Denied, "AccessDenied"}}, "", exitConfig, map[int]outcome{write: failed, read: skipped, cond: skipped, del: skipped}},
		{"reply of the write lost", &bucketStub{Backend: lost}, "", exitUnreachable, map[int]outcome{creds: skipped, write: failed, read: skipped, cond: skipped}},
		{"reading refused", &bucketStub{Backend: failing(fault.Get, backend.Denied)}, "", exitConfig, map[int]outcome{read: failed}},
		{"other bytes", &bucketStub{Backend: flipped}, "", exitConfig, map[int]outcome{read: failed}},
		{"overwrites", &bucketStub{Backend: careless{mem.New()}}, "", exitOK, map[int]outcome{cond: warned}},
		{"knows no conditions", prober{&bucketStub{Backend: nil}, nil}, "", exitOK, map[int]outcome{cond: warned}},
		{"deleting refused", &bucketStub{Backend: failing(fault.Delete, backend.Denied)}, "", exitOK, map[int]outcome{del: warned}},
		{"dots in the name", &bucketStub{Backend: mem.New()}, "--bucket a.b.c", exitOK, map[int]outcome{name: warned}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if p, ok := tc.store.(prober); ok {
				h := &humble{Backend: mem.New()}
				p.Backend, p.Prober = h, h
				tc.store = p
			}
			f := newFixture(t)
			f.openStore = func(context.Context, storeConfig) (objectStore, error) { return tc.store, nil }
			args := append([]string{"check", "web", "--format", "json", "--bucket", "abc", "--prefix", "pre"}, strings.Fields(tc.args)...)
			code, out, errOut := f.command(args...)
			if code != tc.code || errOut != "" {
				t.Errorf("exit %d, want %d; %s", code, tc.code, errOut)
			}
			var r checkResult
			if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Findings) != 8 {
				t.Fatalf("%v in %s", err, out)
			}
			for i, got := range r.Findings {
				want := tc.bad[i]
				if want == "" {
					want = passed
				}
				if got.Outcome != want {
					t.Errorf("%s: %s (%s), want %s", got.Step, got.Outcome, got.Detail, want)
				}
				if got.Outcome == failed && got.Remedy == "" {
					t.Errorf("%s: failed without a remedy", got.Step)
				}
			}
		})
	}
}

func TestCheckLeavesNothingBehind(t *testing.T) {
	m := mem.New()
	f := newFixture(t)
	f.openStore = func(context.Context, storeConfig) (objectStore, error) { return &bucketStub{Backend: m}, nil }
	if code, _, errOut := f.command("check", "web", "--bucket", "abc"); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	err := m.List(t.Context(), "", "", func(o backend.Object) error {
		t.Errorf("left behind: %s", o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCheckWithoutARegion(t *testing.T) {
	f := newFixture(t)
	f.openStore = func(context.Context, storeConfig) (objectStore, error) {
		return nil, &backend.Error{Op: "open", Class: backend.Invalid}
	}
	code, out, _ := f.command("check", "web", "--bucket", "abc")
	if code != exitConfig || !strings.Contains(out, "--region") || !strings.Contains(out, "1 failed, 6 skipped") {
		t.Errorf("exit %d: %s", code, out)
	}
}
