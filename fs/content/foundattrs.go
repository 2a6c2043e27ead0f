package content

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// carried reports whether an extended attribute belongs to a file: what programs set,
// access lists and capabilities. The rest is this machine's, and ours tells facts.
func carried(name string) bool {
	switch name {
	case meta.ACLAccess, meta.ACLDefault, "security.capability":
		return true
	}
	return (strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "trusted.")) && !strings.HasPrefix(name, attrPrefix)
}

// attrs reads the extended attributes of a name in the directory, which is not followed.
func (r *dirReader) attrs(name string) ([]meta.Xattr, error) {
	path := fmt.Sprintf("/proc/self/fd/%d/%s", r.dir.Fd(), name)
	return readAttrs(func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) },
		func(attr string, buf []byte) (int, error) { return unix.Lgetxattr(path, attr, buf) })
}

func attrsOf(f *os.File) ([]meta.Xattr, error) {
	return readAttrs(func(buf []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), buf) },
		func(attr string, buf []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), attr, buf) })
}

// readAttrs reads the extended attributes that belong to a file.
func readAttrs(names func([]byte) (int, error), value func(string, []byte) (int, error)) ([]meta.Xattr, error) {
	all, err := attrValue(names)
	if err != nil {
		return nil, fmt.Errorf("list attributes: %w", err)
	}
	var list []meta.Xattr
	for name := range bytes.SplitSeq(all, []byte{0}) {
		if !carried(string(name)) {
			continue
		}
		v, err := attrValue(func(buf []byte) (int, error) { return value(string(name), buf) })
		if err != nil {
			return nil, fmt.Errorf("read attribute %s: %w", name, err)
		}
		list = append(list, meta.Xattr{Name: bytes.Clone(name), Value: v})
	}
	return list, nil
}

// attrValue calls get with a buffer that is large enough. Where there are no attributes,
// or they are not for us, there is nothing.
func attrValue(get func([]byte) (int, error)) ([]byte, error) {
	for buf := make([]byte, 256); ; {
		n, err := get(buf)
		switch {
		case err == nil:
			return buf[:n], nil
		case errors.Is(err, unix.ERANGE) && len(buf) < 64<<10:
			buf = make([]byte, 64<<10)
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENODATA), errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
			return nil, nil
		default:
			return nil, err
		}
	}
}

// dressAttrs gives a file or directory of the fallback a node's extended attributes, as
// far as its file system has them.
func (e *Engine) dressAttrs(f *os.File, ino meta.Ino) error {
	names, err := e.Meta.Listxattr(ino)
	if err != nil {
		return err
	}
	there, err := attrsOf(f)
	if err != nil {
		return fmt.Errorf("attributes of %s in fallback: %w", f.Name(), err)
	}
	for _, x := range there {
		if !slices.ContainsFunc(names, func(n []byte) bool { return bytes.Equal(n, x.Name) }) {
			err = errors.Join(err, unsupported(unix.Fremovexattr(int(f.Fd()), string(x.Name))))
		}
	}
	for _, name := range names {
		if !carried(string(name)) {
			continue
		}
		value, verr := e.Meta.Getxattr(ino, name)
		if verr == nil {
			verr = unsupported(unix.Fsetxattr(int(f.Fd()), string(name), value, 0))
		}
		err = errors.Join(err, verr)
	}
	if err != nil {
		return fmt.Errorf("attributes of %s in fallback: %w", f.Name(), err)
	}
	return nil
}

// unsupported is nil for an attribute that the file system does not have, or that we
// may not set.
func unsupported(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}
