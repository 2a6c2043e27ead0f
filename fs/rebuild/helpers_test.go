package rebuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/fs/snapshot"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

const (
	bucket = "b"
	prefix = "site/files"
)

// volume is one without a mount, with content here and in a bucket.
type volume struct {
	testing.TB
	state  string
	b      *fault.Backend
	m      *meta.Store
	local  *local.Store
	closed bool
	close  func()
}

func newVolume(t testing.TB) *volume {
	v := &volume{TB: t, state: t.TempDir(), b: fault.New(mem.New())}
	v.open(sqlite.Options{})
	t.Cleanup(func() { v.close() })
	return v
}

func (v *volume) open(o sqlite.Options) {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.state, "meta.db"), o)
	v.ok(err)
	files, err := local.Open(filepath.Join(v.state, "local"))
	v.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	v.m, v.local, v.closed = m, files, false
	v.close = func() {
		if v.closed {
			return
		}
		v.closed = true
		stop()
		if err := errors.Join(<-done, m.Close(), files.Close()); err != nil {
			v.Error(err)
		}
	}
}

func (v *volume) ok(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

func now() int64 { return time.Now().UnixNano() }

// dir makes the directories above a path, and returns the last and the name.
func (v *volume) dir(path string) (meta.Ino, []byte) {
	v.Helper()
	names := strings.Split(path[1:], "/")
	dir := meta.Root
	for _, name := range names[:len(names)-1] {
		n, err := v.m.Lookup(dir, []byte(name))
		if errors.Is(err, meta.ErrNotExist) {
			n, err = v.m.Create(meta.CreateRequest{Parent: dir, Name: []byte(name), Mode: meta.TypeDir | 0o750, UID: 3, GID: 4, Now: now()})
		}
		v.ok(err)
		dir = n.Ino
	}
	return dir, []byte(names[len(names)-1])
}

// write commits content under a path, as the engine does.
func (v *volume) write(path, text string) meta.Version {
	v.Helper()
	dir, name := v.dir(path)
	n, err := v.m.Lookup(dir, name)
	if errors.Is(err, meta.ErrNotExist) {
		n, err = v.m.Create(meta.CreateRequest{Parent: dir, Name: name, Mode: meta.TypeRegular | 0o640, UID: 7, GID: 8, Now: now()})
	}
	v.ok(err)
	who := local.Identity{Kind: local.Committed, Ino: uint64(n.Ino), Version: int64(n.Version), Size: int64(len(text)),
		Mode: n.Mode, UID: n.UID, GID: n.GID, Path: []byte(path)}
	id, st := v.file(who, text)
	ver, err := v.m.Commit(meta.CommitRequest{Ino: n.Ino, File: meta.FileID(id), Size: st.Size, Mtime: st.Mtime, Blocks: st.Blocks, Now: now()})
	v.ok(err)
	return ver
}

// file makes a local file.
func (v *volume) file(who local.Identity, text string) (local.ID, local.Stamp) {
	v.Helper()
	f, err := v.local.Create(who)
	v.ok(err)
	defer f.Close()
	_, err = f.WriteAt([]byte(text), 0)
	v.ok(err)
	v.ok(f.SetIdentity(who))
	st, err := f.Stamp()
	v.ok(err)
	return f.ID, st
}

// upload writes content and sends it.
func (v *volume) upload(path, text string) meta.Version {
	v.Helper()
	return v.send(v.write(path, text), path, text)
}

func (v *volume) send(ver meta.Version, path, text string) meta.Version {
	v.Helper()
	n, err := v.m.Node(ver.Ino)
	v.ok(err)
	key, sum := v.put(ver, ver.ID, n, path, text)
	v.ok(v.m.BeginUpload(ver.ID, meta.BeginUpload{Bucket: bucket, Prefix: prefix, Key: key, SHA256: sum[:]}))
	_, err = v.m.FinishUpload(ver.ID, key, "", nil, now())
	v.ok(err)
	return ver
}

// put stores the object of a version, under a key with an id.
func (v *volume) put(ver meta.Version, id meta.VersionID, n meta.Node, path, text string) (string, [32]byte) {
	v.Helper()
	key, err := content.Key(prefix, []byte(path), id, 0)
	v.ok(err)
	life, err := v.m.Life(id)
	v.ok(err)
	m := content.ObjectMetadata([]byte(path), n, ver)
	origin, value := content.ObjectOrigin(v.m.VolumeID(), life)
	m[origin] = value
	return key, v.object(key, text, m)
}

func (v *volume) object(key, text string, m map[string]string) [32]byte {
	v.Helper()
	sum := sha256.Sum256([]byte(text))
	_, err := v.b.Put(context.Background(), key, strings.NewReader(text), int64(len(text)), backend.PutOptions{SHA256: sum, Metadata: m})
	v.ok(err)
	return sum
}

// rename moves a file, and has its object follow.
func (v *volume) rename(from, to, text string) {
	v.Helper()
	n := v.move(from, to)
	ver, err := v.m.Current(n.Ino)
	v.ok(err)
	f, err := v.local.OpenWrite(local.ID(ver.File))
	v.ok(err)
	who, err := f.Identity()
	v.ok(err)
	who.Path = []byte(to)
	v.ok(errors.Join(f.SetIdentity(who), f.Close()))
	id, err := v.m.ReserveVersion(now())
	v.ok(err)
	key, sum := v.put(ver, id, n, to, text)
	v.ok(v.m.LoseObject(bucket, key, now()))
	v.ok(v.m.SwitchObject(ver.ID, ver.Key, meta.BeginUpload{Bucket: bucket, Prefix: prefix, Key: key, SHA256: sum[:]}, "", nil, now()))
}

func (v *volume) move(from, to string) meta.Node {
	v.Helper()
	r := meta.RenameRequest{Now: now()}
	r.OldParent, r.OldName = v.dir(from)
	r.NewParent, r.NewName = v.dir(to)
	done, err := v.m.Rename(r)
	v.ok(err)
	return done.Moved
}

func (v *volume) unlink(path string) {
	v.Helper()
	dir, name := v.dir(path)
	n, err := v.m.Lookup(dir, name)
	v.ok(err)
	_, err = v.m.Unlink(dir, name, now())
	v.ok(err)
	v.ok(v.m.RemoveOrphan(n.Ino, now()))
}

// snapshot takes a copy.
func (v *volume) snapshot() {
	v.Helper()
	t := snapshot.New(snapshot.Config{Meta: v.m, Objects: v.b, Prefix: prefix, Dir: v.state, Every: time.Hour,
		Log: slog.New(slog.DiscardHandler), Wanted: func() (bool, error) { return true, nil }})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v.ok(t.Run(ctx))
	t.Last(context.Background())
}

func (v *volume) rebuild(from Source) *Rebuild {
	return &Rebuild{State: v.state, Objects: v.b, Bucket: bucket, Prefixes: []string{prefix}, From: from,
		DirMode: 0o755, UID: 1, GID: 2, Now: time.Now}
}

// build closes the volume, rebuilds it and opens the result.
func (v *volume) build(from Source) *Report {
	v.Helper()
	v.close()
	r := v.rebuild(from)
	report, err := r.Build(context.Background())
	v.ok(err)
	_, err = r.Install()
	v.ok(err)
	v.open(sqlite.Options{MustExist: true})
	if found, err := v.m.Check(context.Background()); err != nil || len(found) > 0 {
		v.Errorf("check: %v, %v", found, err)
	}
	return report
}

// tree returns what is in the volume, a line for each name: with mode and owners, and
// where the content is.
func (v *volume) tree() string {
	v.Helper()
	var lines []string
	var walk func(dir meta.Ino, path string)
	walk = func(dir meta.Ino, path string) {
		var list []meta.Entry
		v.ok(v.m.List(dir, 0, func(e *meta.Entry) bool { list = append(list, *e); return true }))
		for _, e := range list {
			at, n := path+"/"+string(e.Name), e.Node
			line := fmt.Sprintf("%s %o %d:%d", at, n.Mode, n.UID, n.GID)
			switch {
			case n.IsDir():
				walk(n.Ino, at)
			case n.IsRegular():
				line += fmt.Sprintf(" %d %s", n.Nlink, v.where(n))
			default:
				target, err := v.m.Readlink(n.Ino)
				v.ok(err)
				line += " -> " + string(target)
			}
			lines = append(lines, line)
		}
	}
	walk(meta.Root, "")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// where returns a node's content, and where it is.
func (v *volume) where(n meta.Node) string {
	v.Helper()
	ver, err := v.m.Current(n.Ino)
	if errors.Is(err, meta.ErrNotExist) {
		return "empty"
	}
	v.ok(err)
	var text []string
	if ver.Local() {
		f, err := v.local.Open(local.ID(ver.File))
		if errors.Is(err, os.ErrNotExist) && ver.Remote == meta.Stored {
			ver.File = "" // the mount finds out
		} else {
			v.ok(err)
		}
		if ver.Local() {
			var b bytes.Buffer
			_, err = b.ReadFrom(f)
			v.ok(errors.Join(err, f.Close()))
			text = append(text, "here:"+b.String())
		}
	}
	if ver.Remote == meta.Stored {
		r, err := v.b.Get(context.Background(), ver.Key, 0, -1)
		v.ok(err)
		var b bytes.Buffer
		_, err = b.ReadFrom(r)
		v.ok(errors.Join(err, r.Close()))
		text = append(text, "S3:"+b.String())
	}
	if len(text) == 0 {
		return "nowhere"
	}
	return strings.Join(text, " ")
}

func (v *volume) want(want ...string) {
	v.Helper()
	if got := v.tree(); got != strings.Join(want, "\n") {
		v.Errorf("the tree is\n%s\nand not\n%s", got, strings.Join(want, "\n"))
	}
}
