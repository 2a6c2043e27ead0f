package volume_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// attr reads an extended attribute, "" when there is none.
func attr(t *testing.T, path, name string) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, buf)
	if err == unix.ENODATA {
		return ""
	}
	if err != nil {
		t.Fatalf("getxattr %s %s: %v", path, name, err)
	}
	return string(buf[:n])
}

func awaitS3(v *volumetest.Volume, path string) {
	v.Helper()
	v.Await(path+" in S3", func() bool { return attr(v.T, v.Join(path), "user.contentfs.state") == "s3" })
}

func TestOneFileIsOneObject(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		const path = "003d34b5ba832f753ad91a6cdac1921f/image/large/tanning-bed.jpg"
		content := random(100 << 10)
		v.Write(path, content)
		awaitS3(v, path)
		keys := v.List()
		if len(keys) != 1 {
			t.Fatalf("objects: %q", keys)
		}
		if got := attr(v.T, v.Join(path), "user.contentfs.key"); got != keys[0] {
			t.Errorf("key attribute is %q, object is %q", got, keys[0])
		}
		b, err := v.Objects(volumetest.Bucket)
		if err != nil {
			t.Fatal(err)
		}
		o, err := b.Stat(context.Background(), keys[0])
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", o)
		if got := v.Read(path); !bytes.Equal(got, content) {
			t.Errorf("content read is not the content written")
		}
		if err := os.Remove(v.Join(path)); err != nil {
			t.Fatal(err)
		}
	})
}
