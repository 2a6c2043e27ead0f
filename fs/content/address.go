package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a path may be, as the kernel has them.
const (
	maxNameBytes = 255  // of one component
	maxPathBytes = 4096 // of a whole path, where one is stored
)

// Address is what the position of a file in the tree says about it. Its strings
// hold the bytes of the names as they are, which need not be UTF-8.
type Address struct {
	UID      string // of the content item
	Field    string // of the item that holds the file
	Scale    string // name of the scaled image; "" when not Scaled
	Filename string
	Scaled   bool // the path has a scale: the file can be made again from its original
}

// ParseAddress reads the address from an absolute path inside the volume:
// /uid/field/filename or /uid/field/scale/filename. It reports false for a path
// of any other depth, and for one that is not absolute and clean.
func ParseAddress(path []byte) (Address, bool) {
	if checkPath(path) != nil {
		return Address{}, false
	}
	return addressOf(string(path))
}

// addressOf is ParseAddress for a path that checkPath accepted.
func addressOf(path string) (Address, bool) {
	switch strings.Count(path, "/") {
	case 3:
		uid, rest, _ := strings.Cut(path[1:], "/")
		field, filename, _ := strings.Cut(rest, "/")
		return Address{UID: uid, Field: field, Filename: filename}, true
	case 4:
		uid, rest, _ := strings.Cut(path[1:], "/")
		field, rest, _ := strings.Cut(rest, "/")
		scale, filename, _ := strings.Cut(rest, "/")
		return Address{UID: uid, Field: field, Scale: scale, Filename: filename, Scaled: true}, true
	}
	return Address{}, false
}

// EvictionClass returns the order in which local copies at the path go when
// space is needed, lower first: 0 for scaled images, which can be made again, 1
// for everything else.
func EvictionClass(path []byte) int {
	if a, ok := ParseAddress(path); ok && a.Scaled {
		return 0
	}
	return 1
}

// checkPath returns an error that wraps fs.ErrInvalid unless path is what a file
// inside the volume can have: absolute, not the root, no NUL, and no component
// that is empty, "." or "..", or longer than maxNameBytes.
func checkPath(path []byte) error {
	if len(path) < 2 || path[0] != '/' {
		return fmt.Errorf("not an absolute path of a file: %w", fs.ErrInvalid)
	}
	if bytes.IndexByte(path, 0) >= 0 {
		return fmt.Errorf("NUL in path: %w", fs.ErrInvalid)
	}
	for rest, more := path[1:], true; more; {
		var name []byte
		name, rest, more = bytes.Cut(rest, []byte{'/'})
		if len(name) == 0 || len(name) > maxNameBytes || string(name) == "." || string(name) == ".." {
			return fmt.Errorf("name %.40q in path: %w", name, fs.ErrInvalid)
		}
	}
	return nil
}

// appendEncoded appends s as it stands in a key. Percent-encoded are "%", what a
// listing in XML cannot carry (control characters, U+FFFE, U+FFFF), bytes that
// are not UTF-8 and, unless underscore, "_", which separates the parts of a key.
// The result is valid UTF-8, and no two strings have the same.
func appendEncoded(dst []byte, s string, underscore bool) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f || c == '%' || c == '_' && !underscore {
				dst = appendEscape(dst, c)
			} else {
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF {
			for _, c := range []byte(s[i : i+n]) {
				dst = appendEscape(dst, c)
			}
		} else {
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// appendEscape appends c as %XX in upper case.
func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// appendDecoded appends s with every %XX replaced by its byte. It reports false
// when a "%" begins no escape in upper case. Needless escapes it takes: callers
// encode the result again and compare.
func appendDecoded(dst []byte, s string) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			dst = append(dst, s[i])
			continue
		}
		if i+2 >= len(s) {
			return dst, false
		}
		hi, ok1 := hexDigit(s[i+1])
		lo, ok2 := hexDigit(s[i+2])
		if !ok1 || !ok2 {
			return dst, false
		}
		dst = append(dst, hi<<4|lo)
		i += 2
	}
	return dst, true
}

// hexDigit returns the value of an upper case hexadecimal digit.
func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// extension returns the extension of the path's filename, dot included, or "" if
// it has none or one that is long or holds anything but letters and digits.
func extension(path []byte) string {
	name := string(path[strings.LastIndexByte(string(path), '/')+1:])
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || !isExtension(name[dot:]) {
		return ""
	}
	return name[dot:]
}

// isExtension reports whether s may end a shortened key.
func isExtension(s string) bool {
	if len(s) < 2 || len(s) > maxExt || s[0] != '.' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// cutEncoded returns the longest beginning of s, as made by appendEncoded, that
// has at most n bytes and ends neither within an escape nor within a character.
func cutEncoded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	if i := strings.LastIndexByte(s[:n], '%'); i >= 0 && n-i < len("%XX") {
		return s[:i]
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// pathMetadata returns the entry that holds path.
func pathMetadata(path []byte) (key, value string) {
	if len(path) <= maxPathBytes {
		plain := string(appendPrintable(nil, path))
		if len(plain) <= maxPlainPath || len(plain) <= maxPathValue && len(plain) <= base64.RawURLEncoding.EncodedLen(len(path)) {
			return metaPath, plain
		}
		if b64 := base64.RawURLEncoding.EncodeToString(path); len(b64) <= maxPathValue {
			return metaPathB64, b64
		}
	}
	sum := sha256.Sum256(path)
	return metaPathHash, hex.EncodeToString(sum[:])
}

// parsePathMetadata reads what pathMetadata wrote: one of path and its hash.
func parsePathMetadata(m map[string]string) (path, hash []byte, ok bool) {
	plain, isPlain := m[metaPath]
	b64, isB64 := m[metaPathB64]
	digits, isHash := m[metaPathHash]
	if max(len(plain), len(b64), len(digits)) > maxPathValue {
		return nil, nil, false
	}
	switch {
	case isPlain && !isB64 && !isHash:
		path, ok = appendDecoded(nil, plain)
		ok = ok && string(appendPrintable(nil, path)) == plain
	case isB64 && !isPlain && !isHash:
		path, _ = base64.RawURLEncoding.DecodeString(b64)
		ok = base64.RawURLEncoding.EncodeToString(path) == b64
	case isHash && !isPlain && !isB64:
		hash, _ = hex.DecodeString(digits)
		return nil, hash, len(hash) == sha256.Size && hex.EncodeToString(hash) == digits
	}
	if !ok || checkPath(path) != nil || len(path) > maxPathBytes {
		return nil, nil, false
	}
	return path, nil, true
}

// appendPrintable appends path as it stands in a header: bytes that are not
// printable ASCII, spaces (headers lose those at their ends) and "=" (S3 decodes
// "=?UTF-8?...?=") are percent-encoded, and so is "%".
func appendPrintable(dst, path []byte) []byte {
	for _, c := range path {
		if c <= ' ' || c > '~' || c == '%' || c == '=' {
			dst = appendEscape(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
