package takeover

import (
	"slices"
	"strings"
)

// Scales returns the names of scales that Plone has from the start.
func Scales() []string {
	return []string{"large", "preview", "mini", "thumb", "tile", "icon", "listing"}
}

// Fields returns the names of fields that Plone's own types have.
func Fields() []string { return []string{"image", "file"} }

// generatedDigits is how long the generated part of an add-on's key is.
const generatedDigits = 7

// maxNames bounds how many readings of one key are looked at.
const maxNames = 64

// reading is one way to understand an add-on's key behind its uid.
type reading struct {
	field, scale, filename string // scale "" for an original
}

// String writes a reading as the path below the uid.
func (r reading) String() string {
	if r.scale == "" {
		return r.field + "/" + r.filename
	}
	return r.field + "/" + r.scale + "/" + r.filename
}

// splitAddonKey takes apart what is certain about a key without its prefix:
// uid_xxxxxxx_rest.
func splitAddonKey(name string) (uid, rest string, ok bool) {
	uid, behind, _ := strings.Cut(name, "_")
	gen, rest, found := strings.Cut(behind, "_")
	if !found || uid == "" || rest == "" || strings.Contains(rest, "/") || strings.Contains(rest, "\x00") ||
		len(gen) != generatedDigits || strings.Trim(gen, "0123456789abcdef") != "" {
		return "", "", false
	}
	for i := range len(uid) {
		if c := uid[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", "", false
		}
	}
	return uid, rest, len(uid) <= maxName
}

// readings returns every way to understand rest as field[_scale]_filename with a
// scale of scales. Fields and filenames may contain "_".
func readings(rest string, scales []string) (list []reading) {
	for i := 1; i < len(rest)-1 && len(list) < maxNames; i++ {
		if rest[i] != '_' {
			continue
		}
		field, tail := rest[:i], rest[i+1:]
		if !isName(field) {
			continue
		}
		if isName(tail) {
			list = append(list, reading{field: field, filename: tail})
		}
		for _, scale := range scales {
			if filename, ok := strings.CutPrefix(tail, scale+"_"); ok && isName(filename) {
				list = append(list, reading{field, scale, filename})
			}
		}
	}
	return list
}

// addonObject is an object of one uid, and how its key can be read.
type addonObject struct {
	object     *object
	candidates []reading // all
	consistent []reading // those with a known field
}

// resolve decides between the readings of the objects of one uid. A reading counts
// when its field is known. Where several do, the other objects decide: the original
// and the scales of one image share field and filename. It sets consistent to what
// remains; one means that the key is understood.
func resolve(list []addonObject, fields []string) {
	siblings := make(map[reading][]int) // by field and filename: objects with such a reading
	for i := range list {
		a := &list[i]
		for _, r := range a.candidates {
			if !slices.Contains(fields, r.field) {
				continue
			}
			a.consistent = append(a.consistent, r)
			key := reading{field: r.field, filename: r.filename}
			siblings[key] = append(siblings[key], i)
		}
	}
	narrowed := make([][]reading, len(list))
	for i := range list {
		a := &list[i]
		if len(a.consistent) < 2 {
			continue
		}
		for _, r := range a.consistent {
			if supported(list, i, r, siblings[reading{field: r.field, filename: r.filename}]) {
				narrowed[i] = append(narrowed[i], r)
			}
		}
	}
	for i, n := range narrowed {
		if len(n) == 1 {
			list[i].consistent = n
		}
	}
}

// supported reports whether another object than i is the original of r, or another
// scale of it.
func supported(list []addonObject, i int, r reading, siblings []int) bool {
	for _, j := range siblings {
		if j == i {
			continue
		}
		for _, other := range list[j].consistent {
			if other.field == r.field && other.filename == r.filename && other.scale != r.scale {
				return true
			}
		}
	}
	return false
}
