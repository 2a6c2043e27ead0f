package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"contentfs/meta"
)

// Lengths of keys in bytes.
const (
	// MaxKey is the longest key S3 takes, prefix included.
	MaxKey = 1024

	// MaxSegment is the longest piece between two slashes in stores that keep
	// objects as files.
	MaxSegment = 255
)

// Reserved begins, below a volume's prefix, the keys of what a volume keeps in the
// bucket about itself. No content has such a key: in those, a slash comes behind the
// generated part only.
const Reserved = ".contentfs/"

// IsReserved reports whether a key, of whichever prefix, is of what a volume keeps
// about itself: Reserved, the volume's id, and a name.
func IsReserved(key string) bool {
	for {
		at := strings.Index(key, Reserved)
		if at < 0 {
			return false
		}
		volume, _, found := strings.Cut(key[at+len(Reserved):], "/")
		if (at == 0 || key[at-1] == '/') && found && IsVolumeID(volume) {
			return true
		}
		key = key[at+len(Reserved):]
	}
}

// IsVolumeID reports whether s can be the id of a volume.
func IsVolumeID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

var (
	// ErrForeignKey is returned by ParseKey for what Key did not make.
	ErrForeignKey = errors.New("not a key of this volume")

	// ErrKeyTooLong is returned by Key when even the shortest key of a version
	// would pass the limit.
	ErrKeyTooLong = errors.New("key too long")
)

// The generated part is the version's id in hexadecimal, then one of these, then
// shortMark if names were shortened. None of them is a digit.
const (
	kindScaled   = 's' // uid, field, scale, filename
	kindOriginal = 'o' // uid, field, filename
	kindPath     = 'p' // a path without an address
	shortMark    = 'x'

	// idDigits makes keys sort by time until 2112; later ids have more digits.
	idDigits = 13

	hashDigits = 32 // of the SHA-256 in a shortened key
	maxExt     = 16 // bytes of an extension that is kept, dot included
)

// Key returns the key of version id of the file at path:
//
//	<prefix>/<uid>_<generated>_<field>_<scale>_<filename>
//	<prefix>/<uid>_<generated>_<field>_<filename>
//	<prefix>/_<generated>_<component>/<component>/.../<filename>
//
// The last is for a path without an address; no address has an empty uid. Names
// are percent-encoded where needed; the filename, and all components of the last
// form, keep their "_". No two pairs of path and id have the same key.
//
// A key longer than limit is shortened: generated ends in "x", and what follows
// is as much as fits of the readable rest, "~", 32 digits of the SHA-256 of
// path, and the filename's extension. A uid that leaves no room for that is cut,
// too. The object's metadata holds the whole path. The limit counts the prefix;
// one that is not between 1 and MaxKey stands for MaxKey.
//
// Slashes around prefix are ignored. Errors: fs.ErrInvalid for a path that is not
// absolute and clean, for an id that is not positive, and for a prefix that is
// not UTF-8 or holds control characters or an empty, "." or ".." component;
// ErrKeyTooLong when the limit leaves no room.
func Key(prefix string, path []byte, id meta.VersionID, limit int) (string, error) {
	prefix, err := cleanPrefix(prefix)
	if err == nil {
		err = checkPath(path)
	}
	if err == nil && id <= 0 {
		err = fmt.Errorf("version %d: %w", id, fs.ErrInvalid)
	}
	if err != nil {
		return "", fmt.Errorf("key of %.200q: %w", path, err)
	}
	if limit <= 0 || limit > MaxKey {
		limit = MaxKey
	}
	n := encodePath(string(path))
	if key := n.join(prefix, id); len(key) <= limit {
		return key, nil
	}
	if !n.shorten(path, limit-len(prefix)-len(generated(id, n.kind, true))-len("__")) {
		return "", fmt.Errorf("key of %.200q in %d bytes: %w", path, limit, ErrKeyTooLong)
	}
	return n.join(prefix, id), nil
}

// SegmentLimit returns the limit to give to Key for a store that refuses more
// than MaxSegment bytes between two slashes.
func SegmentLimit(prefix string) int {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		return min(len(prefix)+len("/")+MaxSegment, MaxKey)
	}
	return MaxSegment
}

// cleanPrefix returns prefix without slashes around it and, unless it is empty,
// with one behind it. A "%" in it means nothing: only names are decoded.
func cleanPrefix(prefix string) (string, error) {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return "", nil
	}
	for part := range strings.SplitSeq(prefix, "/") {
		encoded := string(appendEncoded(nil, part, true))
		if part == "" || part == "." || part == ".." || encoded != strings.ReplaceAll(part, "%", "%25") {
			return "", fmt.Errorf("prefix %.200q: %w", prefix, fs.ErrInvalid)
		}
	}
	return prefix + "/", nil
}

// keyName is a key without its prefix and id, encoded.
type keyName struct {
	kind  byte
	short bool
	uid   string // before the generated part, "" for a path without an address
	rest  string // behind it
}

// encodePath encodes a path that checkPath accepted.
func encodePath(path string) keyName {
	a, ok := addressOf(path)
	if !ok {
		return keyName{kind: kindPath, rest: string(appendEncoded(nil, path[1:], true))}
	}
	rest := appendEncoded(make([]byte, 0, len(path)), a.Field, false)
	rest = append(rest, '_')
	kind := byte(kindOriginal)
	if a.Scaled {
		kind = kindScaled
		rest = appendEncoded(rest, a.Scale, false)
		rest = append(rest, '_')
	}
	rest = appendEncoded(rest, a.Filename, true)
	return keyName{kind: kind, uid: string(appendEncoded(nil, a.UID, false)), rest: string(rest)}
}

// join returns the key. prefix comes from cleanPrefix.
func (n keyName) join(prefix string, id meta.VersionID) string {
	return prefix + n.uid + "_" + generated(id, n.kind, n.short) + "_" + n.rest
}

// shorten makes uid and rest together at most room bytes long, and reports
// whether that was possible. The extension goes before the uid is cut to nothing.
func (n *keyName) shorten(path []byte, room int) bool {
	room -= len("~") + hashDigits
	ext := extension(path)
	readable := n.rest[:len(n.rest)-len(ext)]
	uid := cutEncoded(n.uid, room-len(ext))
	if room < len(ext) || uid == "" && n.kind != kindPath {
		ext, uid = "", cutEncoded(n.uid, room)
	}
	if room < 0 || uid == "" && n.kind != kindPath {
		return false
	}
	sum := sha256.Sum256(path)
	n.short, n.uid = true, uid
	n.rest = cutEncoded(readable, room-len(uid)-len(ext)) + "~" + hex.EncodeToString(sum[:])[:hashDigits] + ext
	return true
}

// generated returns the part of a key that makes it unique.
func generated(id meta.VersionID, kind byte, short bool) string {
	digits := strconv.FormatInt(int64(id), 16)
	b := make([]byte, 0, 20)
	for range idDigits - len(digits) {
		b = append(b, '0')
	}
	b = append(append(b, digits...), kind)
	if short {
		b = append(b, shortMark)
	}
	return string(b)
}

// parseGenerated takes apart what generated made, and nothing else.
func parseGenerated(s string) (id meta.VersionID, kind byte, short, ok bool) {
	digits := strings.TrimRight(s, "sopx")
	tail := s[len(digits):]
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || n == 0 || n > math.MaxInt64 || tail == "" {
		return 0, 0, false, false
	}
	id, kind, short = meta.VersionID(n), tail[0], len(tail) > 1
	return id, kind, short, kind != shortMark && generated(id, kind, short) == s
}

// ParsedKey is what a key says by itself.
type ParsedKey struct {
	ID         meta.VersionID
	Path       []byte  // absolute, inside the volume; nil when Shortened
	Address    Address // only Scaled is set when Shortened
	HasAddress bool
	Shortened  bool // the path is in the object's metadata only
}

// ParseKey is the reverse of Key with the same prefix: it accepts exactly what
// Key makes, byte for byte (of a shortened key, as far as the key tells). The
// error wraps ErrForeignKey for every other key, among them those that
// collective.contentfiles2aws wrote, and fs.ErrInvalid for a prefix that Key
// refuses.
func ParseKey(prefix, key string) (ParsedKey, error) {
	prefix, err := cleanPrefix(prefix)
	if err != nil {
		return ParsedKey{}, fmt.Errorf("parse key %.200q: %w", key, err)
	}
	if name, ok := strings.CutPrefix(key, prefix); ok && len(key) <= MaxKey {
		if p, ok := parseName(name); ok {
			return p, nil
		}
	}
	return ParsedKey{}, fmt.Errorf("parse key %.200q: %w", key, ErrForeignKey)
}

// parseName is ParseKey for a key without its prefix.
func parseName(name string) (ParsedKey, bool) {
	uid, behind, _ := strings.Cut(name, "_")
	gen, rest, ok := strings.Cut(behind, "_")
	id, kind, short, isGen := parseGenerated(gen)
	if !ok || !isGen {
		return ParsedKey{}, false
	}
	p := ParsedKey{ID: id, HasAddress: kind != kindPath, Shortened: short}
	if short {
		p.Address.Scaled = kind == kindScaled
		return p, validShort(keyName{kind: kind, uid: uid, rest: rest})
	}
	encoded := rest
	if p.HasAddress {
		encoded = uid + "/" + strings.Replace(rest, "_", "/", separators(kind))
	}
	path, ok := appendDecoded(append(make([]byte, 0, len(name)), '/'), encoded)
	if !ok || checkPath(path) != nil {
		return ParsedKey{}, false
	}
	// Making the key again settles everything else: needless escapes, stray
	// separators, a kind that does not fit the path.
	if encodePath(string(path)).join("", id) != name {
		return ParsedKey{}, false
	}
	p.Path = path
	p.Address, _ = addressOf(string(path))
	return p, true
}

// separators returns how many "_" in the rest of a key of that kind separate.
func separators(kind byte) int {
	switch kind {
	case kindScaled:
		return 2
	case kindOriginal:
		return 1
	}
	return 0
}

// validShort reports whether n could come from shorten.
func validShort(n keyName) bool {
	tilde := strings.LastIndexByte(n.rest, '~')
	if tilde < 0 || len(n.rest) < tilde+1+hashDigits {
		return false
	}
	readable, hash, ext := n.rest[:tilde], n.rest[tilde+1:tilde+1+hashDigits], n.rest[tilde+1+hashDigits:]
	if strings.Trim(hash, "0123456789abcdef") != "" || ext != "" && !isExtension(ext) {
		return false
	}
	sep, last := "_", separators(n.kind)
	if n.kind == kindPath {
		sep, last = "/", -2
	}
	if (n.uid == "") != (n.kind == kindPath) || !validPiece(n.uid, false, false) {
		return false
	}
	parts := strings.SplitN(readable, sep, last+1)
	for i, part := range parts {
		if !validPiece(part, i == last || n.kind == kindPath, i < len(parts)-1) {
			return false
		}
	}
	return true
}

// validPiece reports whether s is a name as appendEncoded writes it, or, unless
// whole, the beginning of one.
func validPiece(s string, underscore, whole bool) bool {
	name, ok := appendDecoded(nil, s)
	if !ok || strings.ContainsAny(string(name), "/\x00") || string(appendEncoded(nil, string(name), underscore)) != s {
		return false
	}
	return !whole || checkPath(append([]byte{'/'}, name...)) == nil
}
