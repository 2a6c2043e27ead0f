package volumetest

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/backend/s3"
	"contentfs/fs/audit"
	"contentfs/fs/local"
	"contentfs/fs/volume"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Bucket is the bucket of every test volume, Prefix what its keys begin with.
const (
	Bucket = "test-bucket"
	Prefix = "site/files"
)

// waitLimit bounds every wait for a condition. It is generous: machines are slow,
// and it only counts when something is broken.
const waitLimit = 60 * time.Second

// Volume is a mounted test volume.
type Volume struct {
	*testing.T
	Path    string // of the mount
	Options volume.Options
	Gateway *backendtest.Gateway
	Log     *Log

	// Counter and Faults stand between the volume and the gateway; nil unless the
	// volume was started with Proxied.
	Counter *backendtest.Counter
	Faults  *backendtest.FaultServer

	mu      sync.Mutex // guards buckets
	buckets map[string]backend.Backend

	stop      context.CancelFunc
	done      chan error
	unaudited bool
}

// Start mounts a volume with a gateway of its own. change may adjust the options.
func Start(t *testing.T, change func(*volume.Options)) *Volume {
	t.Helper()
	v := prepare(t)
	v.start(change)
	return v
}

// Proxied is Start with Counter and Faults in front of the gateway. To the volume
// a stopped gateway then is one that breaks connections, not one that refuses them.
func Proxied(t *testing.T, change func(*volume.Options)) *Volume {
	t.Helper()
	v := prepare(t)
	counter, err := backendtest.NewCounter(v.Gateway.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	v.Counter, v.Faults = counter, backendtest.NewFaultServer(counter)
	server := httptest.NewServer(v.Faults)
	t.Cleanup(server.Close)
	v.Options.Endpoint = server.URL
	v.start(change)
	return v
}

// prepare starts the gateway and fills in the options.
func prepare(t *testing.T) *Volume {
	t.Helper()
	g := backendtest.StartGateway(t)
	g.Bucket(t, Bucket)
	for _, kv := range g.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	dir := t.TempDir()
	l := &Log{t: t}
	// Of the machine the test runs on: who makes a namespace meanwhile copies the
	// mount into it.
	l.Expect("another mount namespace")
	v := &Volume{T: t, Path: filepath.Join(dir, "mnt"), Gateway: g, Log: l}
	if err := os.Mkdir(v.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	v.Options = volume.Options{
		Name: "test", State: filepath.Join(dir, "state"), Mountpoint: v.Path,
		Socket: filepath.Join(dir, "state", "control.sock"),
		Bucket: Bucket, Prefix: Prefix, Endpoint: g.Endpoint, PathStyle: true,
		CacheSize: 1 << 30, AllowOther: os.Geteuid() == 0, Passthrough: true,
		Debounce: 50 * time.Millisecond, Drain: waitLimit,
		SnapshotEvery: -1, // tests count requests and objects; who tests copies sets it
		Log:           slog.New(l),
	}
	return v
}

func (v *Volume) start(change func(*volume.Options)) {
	v.Helper()
	if change != nil {
		change(&v.Options)
	}
	v.Mount()
	v.Cleanup(v.end)
}

// Each runs a test on both ways to the content: passthrough, and through us.
func Each(t *testing.T, change func(*volume.Options), test func(v *Volume)) {
	each(t, Start, change, test)
}

// EachProxied is Each for volumes with Counter and Faults.
func EachProxied(t *testing.T, change func(*volume.Options), test func(v *Volume)) {
	each(t, Proxied, change, test)
}

func each(t *testing.T, start func(*testing.T, func(*volume.Options)) *Volume, change func(*volume.Options), test func(v *Volume)) {
	for name, pass := range map[string]bool{"passthrough": true, "cached": false} {
		t.Run(name, func(t *testing.T) {
			test(start(t, func(o *volume.Options) {
				o.Passthrough = pass
				if change != nil {
					change(o)
				}
			}))
		})
	}
}

// Mount mounts the volume, again after Unmount.
func (v *Volume) Mount() {
	v.Helper()
	if err := v.TryMount(); err != nil {
		v.Fatal(err)
	}
}

// TryMount is Mount for tests that expect it to fail.
func (v *Volume) TryMount() error {
	ctx, stop := context.WithCancel(context.Background())
	vol, err := volume.Open(ctx, v.Options)
	if err != nil {
		stop()
		return err
	}
	ready := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- vol.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
		v.stop, v.done = stop, done
		return nil
	case err := <-done:
		stop()
		if err == nil {
			err = errors.New("the volume ended before it was ready")
		}
		return err
	}
}

// Unmount ends the volume in order and waits for its end.
func (v *Volume) Unmount() {
	v.Helper()
	if v.stop == nil {
		return
	}
	v.stop()
	v.stop = nil
	if err := <-v.done; err != nil {
		v.Errorf("end of the volume: %v", err)
	}
}

func (v *Volume) end() {
	v.Unmount()
	if !v.unaudited {
		v.Audit()
	}
	v.Log.end()
}

// Damage announces that the test destroys something on purpose: the audit at its
// end would find nothing but that.
func (v *Volume) Damage() { v.unaudited = true }

// Audit compares everything with everything. The volume is not mounted.
func (v *Volume) Audit() audit.Report {
	v.Helper()
	m, files := v.Stores()
	defer m.Close()
	defer files.Close()
	r, err := audit.Verify(context.Background(), m, files, v.Objects)
	if err != nil {
		v.Errorf("audit: %v", err)
	}
	for _, f := range r.Findings {
		v.Errorf("audit: %s", f)
	}
	return r
}

// Stores opens metadata, for reading, and local files of an unmounted volume.
func (v *Volume) Stores() (*meta.Store, *local.Store) {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		v.Fatal(err)
	}
	files, err := local.Open(filepath.Join(v.Options.State, "local"))
	if err != nil {
		v.Fatal(err)
	}
	return m, files
}

// Objects opens a bucket, past the volume; the same each time.
func (v *Volume) Objects(bucket string) (backend.Backend, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if b := v.buckets[bucket]; b != nil {
		return b, nil
	}
	b, err := s3.Open(context.Background(), s3.Config{Bucket: bucket, Endpoint: v.Gateway.Endpoint, PathStyle: true})
	if err != nil {
		return nil, err
	}
	if v.buckets == nil {
		v.buckets = make(map[string]backend.Backend)
	}
	v.buckets[bucket] = b
	return b, nil
}

// List returns the keys of the volume's objects.
func (v *Volume) List() []string {
	v.Helper()
	b, err := v.Objects(Bucket)
	if err != nil {
		v.Fatal(err)
	}
	var keys []string
	err = b.List(context.Background(), Prefix+"/", "", func(o backend.Object) error {
		if !strings.HasSuffix(o.Key, "/.contentfs-probe") {
			keys = append(keys, o.Key)
		}
		return nil
	})
	if err != nil {
		v.Fatal(err)
	}
	return keys
}

// Await waits until the condition holds.
func (v *Volume) Await(what string, condition func() bool) {
	v.Helper()
	limit := time.Now().Add(waitLimit)
	for pause := time.Millisecond; !condition(); pause = min(2*pause, 100*time.Millisecond) {
		if time.Now().After(limit) {
			v.Fatalf("waited %v in vain for: %s", waitLimit, what)
		}
		<-time.After(pause)
	}
}
