package volume_test

import (
	"bytes"
	"net/http"
	"os"
	"testing"

	"contentfs/backend/backendtest"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// hold makes the next PUT wait between its body and its answer, or in front of
// both, until it is released.
func hold(v *volumetest.Volume, sent bool) (arrived, release chan struct{}) {
	arrived, release = make(chan struct{}), make(chan struct{})
	v.Faults.Script(backendtest.Method(http.MethodPut), 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !sent {
			close(arrived)
			<-release
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
		close(arrived)
		<-release
	})
	return arrived, release
}

// TestChangeDuringUpload: the file is changed while its content is on its way to
// S3, before the bytes left and after.
func TestChangeDuringUpload(t *testing.T) {
	volumetest.EachProxied(t, nil, func(v *volumetest.Volume) {
		v.Write("warm", []byte("up")) // the probe's PUT is over
		expectObject(v, "warm", []byte("up"))
		wants := make(map[string][]byte)
		for when, sent := range map[string]bool{"before": false, "after": true} {
			for name, edit := range edits {
				path := name + " " + when
				// Too large for the buffers on its way: most of it leaves late.
				content := random(10 << 20)
				arrived, release := hold(v, sent)
				v.Write(path, content)
				<-arrived
				want := edit(v, path, content)
				close(release)
				expect(v, path, want)
				awaitObject(v, path, want)
				wants[path] = want
			}
		}
		v.EvictAll()
		for path, want := range wants {
			expect(v, path, want)
			expectObject(v, path, want)
		}
	})
}

// TestRenameAndUnlinkDuringUpload: names change while the content is on its way.
func TestRenameAndUnlinkDuringUpload(t *testing.T) {
	v := volumetest.Proxied(t, func(o *volume.Options) { o.CacheSize = 0 })
	v.Write("warm", []byte("up"))
	expectObject(v, "warm", []byte("up"))
	content := random(10_000)

	arrived, release := hold(v, true)
	v.Write("old", content)
	<-arrived
	must(t, os.Rename(v.Join("old"), v.Join("new")))
	close(release)
	expectObject(v, "new", content)

	arrived, release = hold(v, true)
	v.Write("doomed", content)
	f := open(v, "doomed", os.O_RDONLY)
	<-arrived
	must(t, os.Remove(v.Join("doomed")))
	if got := contentOf(t, f); !bytes.Equal(got, content) {
		t.Errorf("a reader of what was removed has %s", brief(got))
	}
	close(release)
	must(t, f.Close())
	expect(v, "new", content)
}
