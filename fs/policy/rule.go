package policy

import (
	"fmt"
	"time"
)

// Place is where the content of a file goes.
type Place int

const (
	// S3: into the bucket.
	S3 Place = iota
	// Fallback: into the folder that holds what S3 does not.
	Fallback
	// Here: it stays on this server until the file is renamed, or another rule
	// decides.
	Here
)

// places are the names of places, as rules are written.
var places = [...]string{S3: "s3", Fallback: "fallback", Here: "here"}

// String returns "s3", "fallback" or "here".
func (p Place) String() string {
	if p < 0 || int(p) >= len(places) {
		return fmt.Sprintf("place %d", int(p))
	}
	return places[p]
}

// ParsePlace reads what String writes.
func ParsePlace(s string) (Place, bool) {
	for p, name := range places {
		if name == s {
			return Place(p), true
		}
	}
	return 0, false
}

// File is what is known about a file when its place is decided.
type File struct {
	Path []byte // absolute, inside the volume

	// Of the address, where the path is one.
	UID, Field, Scale string
	Addressed, Scaled bool

	Name     string // last component of Path
	Type     string // media type; parameters do not count
	Size     int64  // bytes
	Modified time.Time
}

// Rule is one rule. A condition that is left out always holds.
type Rule struct {
	Name string // unique

	Fields, Scales, UIDs []string // patterns
	Files                []string // patterns of the file name
	Paths                []string // patterns of the whole path
	Types                []string // patterns of the media type
	MinSize, MaxSize     int64    // bytes, both inclusive; MaxSize 0: no bound
	MinAge               time.Duration

	To           Place
	Prefix       *string // of the key, behind the volume's; nil: the volume's alone
	StorageClass string  // "" for the bucket's
	CacheControl string  // "" for the usual one
	ACL          string  // a canned ACL; "" for none
	Private      *bool   // visitors need a signed address; nil: they do not
}

// Idle names what a rule sets that only objects have, although it sends nothing to S3:
// it counts only for what a command sends there all the same.
func (r *Rule) Idle() []string {
	if r.To == S3 {
		return nil
	}
	var names []string
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"prefix", r.Prefix != nil}, {"storage_class", r.StorageClass != ""}, {"cache_control", r.CacheControl != ""},
		{"acl", r.ACL != ""}, {"private", r.Private != nil},
	} {
		if s.set {
			names = append(names, s.name)
		}
	}
	return names
}

// Decision is what a policy says about a file.
type Decision struct {
	Place        Place
	Prefix       string // of the key, if HasPrefix
	HasPrefix    bool   // the rule set a prefix, "" perhaps
	StorageClass string
	CacheControl string
	ACL          string
	Private      bool

	Rule string // the name of the rule that decided, or Default

	// After is when to decide anew: a rule in front of the deciding one fits by
	// then. Zero if none will.
	After time.Time
}

const (
	// Default is the name of what decides where no rule does.
	Default = "default"
	// TemporaryNames is the name of the built-in rule.
	TemporaryNames = "temporary names"
)

// Temporary returns the patterns of the built-in rule.
func Temporary() []string {
	return []string{
		"*.tmp", "*.temp", // anybody
		"*.part", "*.partial", "*.filepart", "*.crdownload", // downloads and uploads on their way
		".in.*.", ".pureftpd-upload.*", // ProFTPD, Pure-FTPd
		"?*~", ".#*", "#*#", // backups; Emacs: locks, saves by itself
		"*.swp", "*.swo", "*.swx", "*.swpx", "4913", // Vim: swap files, and its tries whether it may write
		".~lock*", "~$*", // LibreOffice, Microsoft Office
		".goutputstream-*",       // GLib
		".nfs*", ".fuse_hidden*", // removed while open
	}
}

func temporaryRule() Rule {
	return Rule{Name: TemporaryNames, Files: Temporary(), To: Here}
}

// rsyncTemporary reports whether name is what rsync calls a file until it is
// whole: ".NAME." and six random letters and digits.
func rsyncTemporary(name string) bool {
	const random = 6
	n := len(name) - random
	if n < 3 || name[0] != '.' || name[n-1] != '.' {
		return false
	}
	for _, c := range []byte(name[n:]) {
		if !isLower(c) && !isUpper(c) && !isDigit(c) {
			return false
		}
	}
	return !wordLike(name[n:])
}

// wordLike reports whether s reads like a word, a version or a number: letters of
// one case, or with one capital in front, then digits. Of 100 random ones, some
// three do.
func wordLike(s string) bool {
	i := 0
	for i < len(s) && isUpper(s[i]) {
		i++
	}
	if i <= 1 {
		for i < len(s) && isLower(s[i]) {
			i++
		}
	}
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i == len(s)
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
