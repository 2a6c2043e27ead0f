package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	bt "contentfs/backend/backendtest"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// ordeal is a load on a volume whose store misbehaves.
type ordeal struct {
	*volumetest.Volume
	until time.Time

	mu     sync.Mutex // guards what follows
	files  map[string][]byte
	reads  int
	denied int // of reads: EIO
}

// write saves and removes files of one writer's own.
func (o *ordeal) write(w int, rng *rand.Rand) {
	var mine []string
	for i := 0; i < 20 || time.Now().Before(o.until); i++ {
		size := []int{0, 1, 1000, 30 << 10, 100 << 10, 400 << 10}[rng.IntN(6)]
		if rng.IntN(40) == 0 {
			size = partSize + rng.IntN(1<<20) // goes in parts
		}
		name := fmt.Sprintf("w%d/file/%d.bin", w, i)
		if len(mine) > 0 && rng.IntN(4) == 0 {
			name = mine[rng.IntN(len(mine))]
		} else {
			mine = append(mine, name)
		}
		content := random(size)
		if rng.IntN(8) == 0 {
			content = bytes.Repeat([]byte("the same"), 2000) // copied within the store
		}
		if err := os.WriteFile(o.Join(name), content, 0o644); err != nil {
			o.Errorf("save %s: %v", name, err)
			return
		}
		o.mu.Lock()
		o.files[name] = content
		o.mu.Unlock()
		if len(mine) > 60 {
			if err := os.Remove(o.Join(mine[0])); err != nil {
				o.Errorf("remove: %v", err)
			}
			o.mu.Lock()
			delete(o.files, mine[0])
			o.mu.Unlock()
			mine = mine[1:]
		}
		<-time.After(time.Duration(rng.IntN(20)) * time.Millisecond)
	}
}

// read looks at files that are in S3 alone, and never change.
func (o *ordeal) read(away map[string][]byte, rng *rand.Rand) {
	names := slices.Sorted(maps.Keys(away))
	for i := 0; i < 20 || time.Now().Before(o.until); i++ {
		name := names[rng.IntN(len(names))]
		b, err := os.ReadFile(o.Join(name))
		o.mu.Lock()
		o.reads++
		switch {
		case errors.Is(err, unix.EIO):
			o.denied++
		case err != nil:
			o.Errorf("read %s: %v", name, err)
		case !bytes.Equal(b, away[name]):
			o.Errorf("%s was delivered as %s, not %s", name, brief(b), brief(away[name]))
		}
		o.mu.Unlock()
		<-time.After(time.Duration(rng.IntN(30)) * time.Millisecond)
	}
}

// torment scripts one fault after the other, for random requests.
func (o *ordeal) torment(all []bt.Reply, long bool, rng *rand.Rand) {
	for i := 0; i < 25 || time.Now().Before(o.until); i++ {
		method := []string{"PUT", "GET", "POST", "HEAD", "DELETE", ""}[rng.IntN(6)]
		share := rng.IntN(3)
		dice := rand.New(rand.NewPCG(rng.Uint64(), 1))
		var mu sync.Mutex // guards dice
		o.Faults.Script(func(r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasSuffix(r.URL.Path, ".contentfs-probe") && (!long || dice.IntN(20) > 0) {
				return false // else the store counts as away nearly all the time, and nothing is tried
			}
			return (method == "" || r.Method == method) && dice.IntN(share+1) == 0
		}, 1+rng.IntN(6), all[rng.IntN(len(all))])
		<-time.After(time.Duration(rng.IntN(80)) * time.Millisecond)
	}
}

// wrongReplies are all faults, in an order that does not change, and for long runs those
// that cost time.
func wrongReplies(long bool) (all []bt.Reply) {
	known := misdeeds()
	for _, name := range slices.Sorted(maps.Keys(known)) {
		all = append(all, known[name].reply)
	}
	for _, f := range bodies(random(1 << 20)) {
		all = append(all, f.reply)
	}
	if long {
		all = append(all, bt.Stall, bt.StallBody(0), bt.StallBody(1000), bt.ErrorReply(412, "PreconditionFailed", ""),
			bt.ErrorReply(404, "NoSuchUpload", ""), bt.ErrorReply(400, "InvalidPart", ""))
	}
	return all
}

// TestS3Loop: a load on a store that does everything wrong, at random. In the end every
// file is there, from S3 alone, with one object for each version. CONTENTFS_CRASH_TIME
// says how long, CONTENTFS_CRASH_SEED which faults.
func TestS3Loop(t *testing.T) {
	seed, length := rand.Uint64(), time.Duration(0)
	if s := os.Getenv("CONTENTFS_CRASH_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		must(t, err)
		seed = n
	}
	s := os.Getenv("CONTENTFS_CRASH_TIME")
	if s != "" {
		d, err := time.ParseDuration(s)
		must(t, err)
		length = d
	}
	t.Logf("seed %d", seed)
	v := volumetest.Proxied(t, func(o *volume.Options) { o.PartSize, o.CacheSize = partSize, 200<<10 })
	announce(v)
	v.Log.Expect("lies under our key")
	away := make(map[string][]byte)
	for i := range 12 {
		away[fmt.Sprintf("away/file/%d.bin", i)] = random(40 << 10)
	}
	away["away/file/large.bin"] = random(12 << 20)
	evicted(v, away)
	o := &ordeal{Volume: v, until: time.Now().Add(length), files: maps.Clone(away)}
	var wg sync.WaitGroup
	rng := func(i uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, i)) }
	for w := range 3 {
		must(t, os.MkdirAll(v.Join(fmt.Sprintf("w%d/file", w)), 0o755))
		wg.Go(func() { o.write(w, rng(uint64(w))) })
	}
	wg.Go(func() { o.read(away, rng(10)) })
	wg.Go(func() { o.torment(wrongReplies(s != ""), s != "", rng(11)) })
	wg.Wait()
	struck := v.Faults.Struck()
	v.Faults.Clear()
	v.Await("everything to be sent", func() bool { return v.Stats().Queue.Number == 0 })
	lines := v.Log.Seen("upload failed") + v.Log.Seen("the store is away")
	v.Unmount()
	accountAll(v)
	v.Mount()
	v.EvictAll()
	for name, content := range o.files {
		expect(v, name, content)
	}
	t.Logf("%d faults struck; %d files, each right from S3 alone; %d reads meanwhile, %d of them EIO; %d lines logged",
		struck, len(o.files), o.reads, o.denied, lines)
	if struck == 0 {
		t.Error("no fault struck: the loop proves nothing")
	}
	if lines > struck+10 {
		t.Errorf("%d lines for %d faults", lines, struck)
	}
}

// accountAll is account for more versions than that looks at.
func accountAll(v *volumetest.Volume) {
	v.Helper()
	m, local := v.Stores()
	defer m.Close()
	defer local.Close()
	stats, err := m.Stats()
	must(v.T, err)
	unknown, err := m.Unknown(volumetest.Bucket, v.List())
	must(v.T, err)
	// An answer to HEAD with a wrong checksum makes an object look like a stranger's: it
	// is left, and the version gets another key.
	if len(unknown) > v.Log.Seen("lies under our key") {
		v.Errorf("objects that are not on record: %s", strings.Join(unknown, " "))
	}
	if stats.Queue.Number != 0 || stats.Quarantined != 0 {
		v.Errorf("in the end: %+v", stats)
	}
}
