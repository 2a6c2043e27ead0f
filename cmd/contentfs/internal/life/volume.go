package life

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/backend/backendtest"
)

// Bucket is the bucket of every test volume, Prefix what its keys begin with.
const (
	Bucket = "black-box"
	Prefix = "site/files"
)

// Limit bounds every wait for a condition. It is generous: machines are slow, and
// it only counts when something is broken.
const Limit = 60 * time.Second

// Volume is one volume of one test: where it lies, how the program is started for
// it, and its daemon while there is one. It is used by one goroutine, except for
// Kill.
type Volume struct {
	T       testing.TB
	Bin     string
	Name    string // of the volume
	State   string
	Point   string // mount point
	Gateway *backendtest.Gateway
	Env     []string // of the program; the gateway's keys by default
	Log     *Log

	Endpoint string   // of S3; the gateway's by default
	Args     []string // options of every mount besides those that New knows
	Trap     *Trap    // for the daemon that is mounted next; nil: none

	daemon *daemon // nil while none runs
	ended  bool
}

// New prepares a volume. Nothing is mounted yet. bin is the program.
func New(t testing.TB, bin string, g *backendtest.Gateway) *Volume {
	t.Helper()
	dir := t.TempDir()
	v := &Volume{
		T: t, Bin: bin, Name: "blackbox", Gateway: g, Endpoint: g.Endpoint,
		State: filepath.Join(dir, "state"), Point: filepath.Join(dir, "mnt"),
		Env: append(g.Env(), "PATH="+os.Getenv("PATH"), "HOME="+dir),
	}
	if err := os.Mkdir(v.Point, 0o755); err != nil {
		t.Fatal(err)
	}
	v.Log = newLog(t, filepath.Join(dir, "daemon.log"))
	// Whoever starts a container on this machine meanwhile copies our mount.
	v.Log.Expect("another mount namespace")
	t.Cleanup(v.end)
	return v
}

// Start is New with a gateway of its own that has the bucket.
func Start(t testing.TB, bin string) *Volume {
	t.Helper()
	g := backendtest.StartGateway(t)
	g.Bucket(t, Bucket)
	return New(t, bin, g)
}

// Store returns the options that say where the objects are.
func (v *Volume) Store() []string {
	return []string{"--bucket", Bucket, "--prefix", Prefix, "--endpoint", v.Endpoint, "--path-style"}
}

// Join returns a path inside the mount.
func (v *Volume) Join(elem ...string) string {
	return filepath.Join(append([]string{v.Point}, elem...)...)
}

// Write makes a file inside the mount, with its directories.
func (v *Volume) Write(path string, content []byte) {
	v.T.Helper()
	p := v.Join(path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		v.T.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o644); err != nil {
		v.T.Fatal(err)
	}
}

// Read returns the content of a file inside the mount.
func (v *Volume) Read(path string) []byte {
	v.T.Helper()
	b, err := os.ReadFile(v.Join(path))
	if err != nil {
		v.T.Fatal(err)
	}
	return b
}

// WipeLocal deletes all local files of the volume, which is not mounted: what is
// read afterwards comes from S3.
func (v *Volume) WipeLocal() {
	v.T.Helper()
	if v.daemon != nil {
		v.T.Fatal("the local files of a mounted volume are not for deleting")
	}
	dir := filepath.Join(v.State, "local")
	list, err := os.ReadDir(dir)
	if err != nil {
		v.T.Fatal(err)
	}
	for _, e := range list {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			v.T.Fatal(err)
		}
	}
}

// Await waits until the condition holds.
func (v *Volume) Await(what string, condition func() bool) {
	v.T.Helper()
	limit := time.Now().Add(Limit)
	for pause := time.Millisecond; !condition(); pause = min(2*pause, 100*time.Millisecond) {
		if time.Now().After(limit) {
			v.T.Fatalf("waited %v in vain for: %s", Limit, what)
		}
		<-time.After(pause)
	}
}

// end is the last thing a test does: nothing may be left.
func (v *Volume) end() {
	if v.daemon != nil {
		v.Kill()
		v.Reap()
	}
	v.Release()
	v.Log.check()
}
