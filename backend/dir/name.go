package dir

import (
	"errors"
	"path/filepath"
	"strings"
)

// nameEnd is the length, in bytes, at which a name is complete. Its last unit may
// begin one byte before, and "%" may follow: 241 bytes at most, of 255.
const nameEnd = 238

const hexDigits = "0123456789ABCDEF"

var errName = errors.New("not the name of an object")

// pathOf returns the path of key below the root. Different keys have different
// paths, and no path is a directory on the way to another.
func pathOf(key string) string {
	var path strings.Builder
	for {
		name, rest := nextName(key)
		path.WriteString(name)
		if rest == "" {
			return path.String()
		}
		path.WriteString("%/")
		key = rest
	}
}

// nextName encodes the beginning of key until one name is full.
func nextName(key string) (name, rest string) {
	var b strings.Builder
	for i := range len(key) {
		if b.Len() >= nameEnd {
			return b.String(), key[i:]
		}
		c := key[i]
		if c == '%' || c == '/' || c < ' ' || c == 0x7f || c == '.' && i == 0 {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), ""
}

// keyOf is the inverse of pathOf. It refuses every path that pathOf does not make,
// so that a stray file is not taken for an object under a key it cannot be read by.
func keyOf(path string) (string, error) {
	names := strings.Split(path, string(filepath.Separator))
	var key strings.Builder
	for i, name := range names {
		if i < len(names)-1 {
			var full bool
			if name, full = strings.CutSuffix(name, "%"); !full {
				return "", errName
			}
		}
		part, err := decodeName(name)
		if err != nil {
			return "", err
		}
		key.WriteString(part)
	}
	if k := key.String(); k != "" && pathOf(k) == path {
		return k, nil
	}
	return "", errName
}

// decodeName undoes the percent-encoding of one name.
func decodeName(name string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", errName
		}
		hi, lo := strings.IndexByte(hexDigits, name[i+1]), strings.IndexByte(hexDigits, name[i+2])
		if hi < 0 || lo < 0 {
			return "", errName
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), nil
}
