package volume_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
)

// network is a proxy of bytes between a volume and its gateway.
type network struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// behindNetwork mounts a volume whose gateway is on the other side of a network.
func behindNetwork(t *testing.T) (*volumetest.Volume, *network) {
	t.Helper()
	n := &network{t: t}
	v := volumetest.Start(t, func(o *volume.Options) {
		api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
		n.proxy = toxiproxy.NewProxy(api, "gateway", "127.0.0.1:0", strings.TrimPrefix(o.Endpoint, "http://"))
		must(t, n.proxy.Start())
		t.Cleanup(n.proxy.Stop)
		o.Endpoint = "http://" + n.proxy.Listen
	})
	return v, n
}

// toxic is a fault of the network: its type, its attributes, and whether it meets
// what is sent ("upstream") or what is answered ("downstream").
type toxic struct {
	kind, stream, attributes string
}

// add puts a toxic on all connections, those that are open included.
func (n *network) add(x toxic) {
	n.t.Helper()
	_, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(
		fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": %s}`, x.kind, x.stream, x.attributes)))
	must(n.t, err)
}

func (n *network) remove(x toxic) {
	n.t.Helper()
	must(n.t, n.proxy.Toxics.RemoveToxic(context.Background(), x.kind+"_"+x.stream))
}

const (
	closeLimit = 5 * time.Second // a close waits for this machine's disk, and for nothing else
	localLimit = 2 * time.Second // for all that this server knows by itself
)

// save writes a file as an application does, and sees to it that nothing waits.
func save(v *volumetest.Volume, path string, b []byte) {
	v.Helper()
	within(v.T, closeLimit, "saving "+path, func() { v.Write(path, b) })
}

// TestNetworkFaults: whatever the network does, no close fails or waits, what was
// acknowledged can be read at once, and in the end every object is right, and there
// is one for each version.
func TestNetworkFaults(t *testing.T) {
	away := func(v *volumetest.Volume) bool { return v.Log.Seen("the store is away") > 0 }
	sending := func(v *volumetest.Volume) bool {
		return attr(v.T, v.Join("uid1/file/0.bin"), "user.contentfs.state") == "uploading"
	}
	for name, c := range map[string]struct {
		toxics []toxic
		// met tells that the fault had its effect.
		met func(v *volumetest.Volume) bool
		// quiet: the fault costs time only, and nobody should complain.
		quiet bool
	}{
		"requests vanish": {[]toxic{{"timeout", "upstream", `{"timeout": 0}`}}, sending, false},
		"answers vanish":  {[]toxic{{"timeout", "downstream", `{"timeout": 0}`}}, sending, false},
		"connections are reset": {[]toxic{
			{"reset_peer", "upstream", `{"timeout": 0}`}, {"reset_peer", "downstream", `{"timeout": 0}`},
		}, away, false},
		"connections are reset in the middle": {[]toxic{{"reset_peer", "downstream", `{"timeout": 30}`}, {"bandwidth", "upstream", `{"rate": 400}`}}, away, false},
		"answers are cut off":                 {[]toxic{{"limit_data", "downstream", `{"bytes": 1}`}}, away, false},
		"requests are cut off":                {[]toxic{{"limit_data", "upstream", `{"bytes": 2000}`}}, away, false},
		"slow": {[]toxic{{"bandwidth", "upstream", `{"rate": 2000}`}, {"bandwidth", "downstream", `{"rate": 2000}`},
			{"latency", "downstream", `{"latency": 50, "jitter": 40}`}}, nil, true},
		"in slices": {[]toxic{{"slicer", "upstream", `{"average_size": 2000, "size_variation": 1500, "delay": 20}`},
			{"slicer", "downstream", `{"average_size": 40, "size_variation": 39, "delay": 20}`}}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			v, n := behindNetwork(t)
			if !c.quiet {
				v.Log.Expect("the store is away")
				v.Log.Expect("upload failed")
			}
			before := random(100 << 10)
			save(v, "before/file/f.bin", before)
			awaitS3(v, "before/file/f.bin")

			for _, x := range c.toxics {
				n.add(x)
			}
			files := saveMany(v)
			if c.met != nil {
				v.Await("the fault to have its effect", func() bool { return c.met(v) })
			}
			files["before/file/f.bin"] = before
			useLocally(v, files)
			for _, x := range c.toxics {
				n.remove(x)
			}
			for path, b := range files {
				expectObject(v, path, b)
			}
			v.Unmount()
			account(v, len(files))
			v.Mount()
			for path, b := range files {
				expect(v, path, b)
			}
		})
	}
}

// saveMany writes files of many sizes, some of them more than once, and returns
// what they hold.
func saveMany(v *volumetest.Volume) map[string][]byte {
	v.Helper()
	files := make(map[string][]byte)
	for i, size := range []int{100 << 10, 0, 1, 4096, 4097, 30 << 10, 300 << 10, 1 << 20} {
		path := fmt.Sprintf("uid1/file/%d.bin", i)
		for range 1 + i%3 {
			files[path] = random(size)
			save(v, path, files[path])
		}
	}
	return files
}

// useLocally does what needs no network.
func useLocally(v *volumetest.Volume, files map[string][]byte) {
	v.Helper()
	within(v.T, localLimit, "reading what is on this server", func() {
		for path, b := range files {
			expect(v, path, b)
		}
	})
	within(v.T, localLimit, "working with names", func() {
		const from, to = "uid1/file/3.bin", "uid1/file/renamed.bin"
		must(v.T, os.Rename(v.Join(from), v.Join(to)))
		files[to] = files[from]
		delete(files, from)
		must(v.T, os.Remove(v.Join("uid1/file/5.bin")))
		delete(files, "uid1/file/5.bin")
		list, err := os.ReadDir(v.Join("uid1/file"))
		if err != nil || len(list) != len(files)-1 {
			v.Errorf("%d names, %v", len(list), err)
		}
	})
	again := random(50 << 10)
	save(v, "uid1/file/6.bin", again)
	files["uid1/file/6.bin"] = again
}

// account compares the objects of an unmounted volume with what is on record: every
// object belongs to one version or is known as lost, and every file has one.
func account(v *volumetest.Volume, files int) {
	v.Helper()
	m, local := v.Stores()
	defer m.Close()
	defer local.Close()
	stored, err := m.StoredVersions(0, 1000)
	must(v.T, err)
	sending, err := m.Sending(0, 1000)
	must(v.T, err)
	lost, err := m.LostObjects(1000)
	must(v.T, err)
	owner := make(map[string]meta.VersionID)
	current := 0
	for _, ver := range append(stored, sending...) {
		if other := owner[ver.Key]; other != 0 {
			v.Errorf("versions %d and %d have one object %s", other, ver.ID, ver.Key)
		}
		owner[ver.Key] = ver.ID
		if ver.Retired == 0 && ver.Remote == meta.Stored {
			current++
		}
	}
	known := make(map[string]bool)
	for _, o := range lost {
		known[o.Key] = true
	}
	keys := v.List()
	for _, k := range keys {
		if owner[k] == 0 && !known[k] {
			v.Errorf("object %s is not on record", k)
		}
	}
	if current != files {
		v.Errorf("%d files are in S3, not %d", current, files)
	}
	v.Logf("%d objects: %d of versions, %d current, %d lost, %d unknown yet", len(keys), len(stored), current, len(lost), len(sending))
}

// TestAnswersCutOffLeaveOneObject: the store carried out what it could not say.
func TestAnswersCutOffLeaveOneObject(t *testing.T) {
	v, n := behindNetwork(t)
	v.Log.Expect("the store is away")
	v.Log.Expect("upload failed")
	save(v, "first", random(1000))
	awaitS3(v, "first")
	cut := toxic{"limit_data", "downstream", `{"bytes": 1}`}
	n.add(cut)
	b := random(200 << 10)
	save(v, "f", b)
	v.Await("the object to be there", func() bool { return len(v.List()) == 2 })
	if s := attr(t, v.Join("f"), "user.contentfs.state"); s != "uploading" {
		t.Errorf("state %q without an answer", s)
	}
	n.remove(cut)
	expectObject(v, "f", b)
	if keys := v.List(); len(keys) != 2 {
		t.Errorf("objects %q", keys)
	}
	v.Unmount()
	account(v, 2)
}

// TestReadsOverBadNetwork: content that is not on this server comes whole over a
// network that is slow and cuts everything into pieces.
func TestReadsOverBadNetwork(t *testing.T) {
	v, n := behindNetwork(t)
	files := map[string][]byte{"small": random(100 << 10), "large": random(12 << 20), "empty": nil}
	for path, b := range files {
		save(v, path, b)
		awaitS3(v, path)
	}
	v.EvictAll()
	n.add(toxic{"slicer", "downstream", `{"average_size": 3000, "size_variation": 2900, "delay": 5}`})
	n.add(toxic{"latency", "downstream", `{"latency": 20, "jitter": 15}`})
	for path, b := range files {
		expect(v, path, b)
	}
}

// TestReadOfWhatIsAway fails, and does not wait, while the network is gone; it works
// again when that is back.
func TestReadOfWhatIsAway(t *testing.T) {
	v, n := behindNetwork(t)
	v.Log.Expect("the store is away")
	b := random(100 << 10)
	save(v, "f", b)
	awaitS3(v, "f")
	v.EvictAll()
	reset := toxic{"reset_peer", "downstream", `{"timeout": 0}`}
	n.add(reset)
	v.Await("the store to be known as away", func() bool {
		if _, err := os.ReadFile(v.Join("f")); err == nil {
			t.Fatal("read over a network that resets every connection")
		}
		return v.Log.Seen("the store is away") > 0
	})
	within(t, localLimit, "a read of what is away", func() {
		if _, err := os.ReadFile(v.Join("f")); err == nil {
			t.Error("read what is away")
		}
	})
	n.remove(reset)
	v.Await("the content to be readable again", func() bool {
		got, err := os.ReadFile(v.Join("f"))
		return err == nil && string(got) == string(b)
	})
}
