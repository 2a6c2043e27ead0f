package dir

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"contentfs/backend"

	"golang.org/x/sys/unix"
)

const attrName = "user.contentfs"

var errNotRegular = errors.New("not a regular file")

// attrs is the JSON value of the extended attribute.
type attrs struct {
	SHA256             []byte            `json:"sha256"`
	ContentType        string            `json:"content_type,omitempty"`
	CacheControl       string            `json:"cache_control,omitempty"`
	ContentDisposition string            `json:"content_disposition,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
}

func setAttrs(f *os.File, opts backend.PutOptions) error {
	value, err := json.Marshal(attrs{
		SHA256:             opts.SHA256[:],
		ContentType:        opts.ContentType,
		CacheControl:       opts.CacheControl,
		ContentDisposition: opts.ContentDisposition,
		Metadata:           opts.Metadata,
	})
	if err != nil {
		return fmt.Errorf("encode attributes: %w", err)
	}
	if err := unix.Fsetxattr(int(f.Fd()), attrName, value, unix.XATTR_CREATE); err != nil {
		return fmt.Errorf("set %s of %d bytes: %w", attrName, len(value), err)
	}
	return nil
}

// describe returns the object in f. A file without our attribute is an object
// without checksum and headers.
func describe(f *os.File, key string) (backend.Object, error) {
	fi, err := f.Stat()
	if err != nil {
		return backend.Object{}, err
	}
	if !fi.Mode().IsRegular() {
		return backend.Object{}, errNotRegular
	}
	obj := listed(key, fi)
	value := make([]byte, 64<<10) // the kernel's limit for one attribute
	n, err := unix.Fgetxattr(int(f.Fd()), attrName, value)
	if errors.Is(err, unix.ENODATA) {
		return obj, nil
	}
	if err != nil {
		return backend.Object{}, fmt.Errorf("read %s: %w", attrName, err)
	}
	var a attrs
	if err := json.Unmarshal(value[:n], &a); err != nil {
		return backend.Object{}, fmt.Errorf("read %s: %w", attrName, err)
	}
	if len(a.SHA256) == sha256.Size {
		obj.SHA256 = a.SHA256
	}
	obj.ContentType, obj.CacheControl, obj.ContentDisposition = a.ContentType, a.CacheControl, a.ContentDisposition
	obj.Metadata = a.Metadata
	return obj, nil
}

// listed is what a listing tells of an object.
func listed(key string, fi os.FileInfo) backend.Object {
	return backend.Object{
		Key:      key,
		Size:     fi.Size(),
		ETag:     fmt.Sprintf("%x-%x", fi.ModTime().UnixNano(), fi.Size()),
		Modified: fi.ModTime(),
	}
}
