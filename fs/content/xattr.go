package content

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"contentfs/backend"
	"contentfs/meta"
)

// attrPrefix is the name space of the attributes that tell about a file's
// content. They can be read only.
const attrPrefix = "user.contentfs."

// Attributes of every regular file with content.
const (
	AttrState  = attrPrefix + "state"  // see State
	AttrKey    = attrPrefix + "key"    // bucket/prefix/key of the object, once it is known
	AttrURL    = attrPrefix + "url"    // where visitors get the content now
	AttrSHA256 = attrPrefix + "sha256" // in hexadecimal, once it is known
)

// ErrReadOnlyAttr: the attribute tells a fact and cannot be set.
var ErrReadOnlyAttr = errors.New("attribute tells a fact and cannot be set")

// Getxattr reads an extended attribute.
func (e *Engine) Getxattr(ino meta.Ino, name []byte) ([]byte, error) {
	if !bytes.HasPrefix(name, []byte(attrPrefix)) {
		if e.live.isBare(ino) && string(name) != meta.ACLAccess {
			// The kernel asks for capabilities before the first write to a new file.
			return nil, meta.ErrNoAttr
		}
		return e.Meta.Getxattr(ino, name)
	}
	v, err := e.Meta.Current(ino)
	if gone(err) {
		return nil, meta.ErrNoAttr
	}
	if err != nil {
		return nil, fmt.Errorf("attribute of node %d: %w", ino, err)
	}
	s, err := e.fact(&v, string(name))
	if err == nil && s == "" {
		err = meta.ErrNoAttr
	}
	return []byte(s), err
}

// fact returns what an attribute of ours says, "" where there is nothing to say.
func (e *Engine) fact(v *meta.Version, name string) (string, error) {
	switch name {
	case AttrState:
		return State(v), nil
	case AttrKey:
		return v.Key, nil
	case AttrURL:
		return e.URL(v)
	case AttrSHA256:
		return hex.EncodeToString(v.SHA256), nil
	}
	return "", meta.ErrNoAttr
}

// State returns where a version is, in one word: "s3" when it is there, else
// "uploading", "fallback" or "local".
func State(v *meta.Version) string {
	switch {
	case v.Remote == meta.Stored:
		return "s3"
	case v.Remote == meta.Sending:
		return "uploading"
	case v.Fallback != nil:
		return "fallback"
	}
	return "local"
}

// Listxattr returns the names of a node's extended attributes. Those that tell
// about content are not among them: programs that copy all attributes would try to
// set them on the copy, and fail.
func (e *Engine) Listxattr(ino meta.Ino) ([][]byte, error) {
	names, err := e.Meta.Listxattr(ino)
	if err != nil {
		return nil, fmt.Errorf("attributes of node %d: %w", ino, err)
	}
	return names, nil
}

// Setxattr sets an extended attribute, with the meaning of setxattr(2)'s flags.
func (e *Engine) Setxattr(ino meta.Ino, name, value []byte, create, replace bool) error {
	if bytes.HasPrefix(name, []byte(attrPrefix)) && !e.ReadOnly {
		return ErrReadOnlyAttr
	}
	if err := e.admitWriter(); err != nil {
		return err
	}
	e.live.dress(ino)
	defer e.alterations.add(ino)
	return e.Meta.Setxattr(ino, name, value, create, replace, now())
}

// SetACL sets an access control list (meta.ACLAccess or meta.ACLDefault), or removes
// it when value is empty.
func (e *Engine) SetACL(ino meta.Ino, name string, value []byte, dropSetGID bool) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	e.live.dress(ino)
	defer e.alterations.add(ino)
	if err := e.Meta.SetACL(ino, name, value, dropSetGID, now()); err != nil {
		return err
	}
	e.live.renamed(ino)
	return nil
}

// Removexattr removes an extended attribute.
func (e *Engine) Removexattr(ino meta.Ino, name []byte) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	if bytes.HasPrefix(name, []byte(attrPrefix)) {
		return ErrReadOnlyAttr
	}
	defer e.alterations.add(ino)
	return e.Meta.Removexattr(ino, name, now())
}

// URL returns the address under which visitors get a version: of its object when
// it is in S3, else of its path on the site; "" when neither has one.
func (e *Engine) URL(v *meta.Version) (string, error) {
	if v.Remote == meta.Stored {
		return e.objectURL(v)
	}
	if e.SiteURL == "" {
		return "", nil
	}
	p, err := e.Meta.Path(v.Ino)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(e.SiteURL, "/") + escapePath(string(p)), nil
}

func (e *Engine) objectURL(v *meta.Version) (string, error) {
	if e.CDNDomain != "" {
		return "https://" + e.CDNDomain + escapePath("/"+v.Key), nil
	}
	b, err := e.Objects(v.Bucket)
	if err != nil {
		return "", err
	}
	if l, ok := b.(backend.Linker); ok {
		return l.URL(v.Key), nil
	}
	return "", nil
}

// escapePath percent-encodes all of a path that is not unreserved in a URL.
func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		// QueryEscape knows no path: its only surprise is the space.
		parts[i] = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}
	return strings.Join(parts, "/")
}
