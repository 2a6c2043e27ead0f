// Package policy says which content goes where. It is a decision about what is
// known of a file, without any input or output, and depends on nothing else of
// this program.
//
// # Deciding
//
// Rules are asked in their order: those of the administrator, then a built-in one
// for temporary names, then the default, which is S3. The first rule whose
// conditions all hold decides, for everything that it sets. What it leaves out is
// the default: nothing is gathered from several rules, so that one rule explains
// one decision. A rule without conditions fits every file.
//
// Within a condition any one of its patterns is enough. Field, scale and uid
// exist for files with an address only; the scale "" means a file that has an
// address and no scale, which is an original.
//
// # Age
//
// A rule with an age that fits in all but the age waits. For now the rules behind
// it decide, and Decision.After is when to decide anew: the earliest time at which
// a rule in front of the deciding one fits. If no rule behind it decides, a file
// that waits for S3 is kept Here, since the rule would mean nothing otherwise; one
// that waits to go elsewhere goes to S3, the default, at once.
// Age counts from File.Modified. A time in the future is taken as it is.
//
// # Patterns
//
// Patterns are those of a shell, as path.Match has them: "*" is any number of
// bytes, "?" one byte, [a-z] one of a set, [^a-z] or [!a-z] one outside of it, "\"
// takes the next byte as it is. Names are bytes, so "?" is one byte of a letter
// that is not ASCII; sets hold ASCII only. A pattern is for the whole name.
//
// In file names and media types the case of ASCII letters does not count: cameras
// write .JPG. In uid, field, scale and path it does, since they are names that a
// program gave. In a path, "*" stays within one component, and a component "**" is
// any number of components, none included. Path patterns are for all files, with
// an address or without.
//
// # Temporary names
//
// What programs write and rename or remove a moment later never becomes an object:
// Temporary lists the patterns, and besides them rsync's ".NAME.XXXXXX" counts,
// unless the six characters read like a word or a version ("backup", "sha256"). An
// administrator's rule that fits comes first; a rule with the name TemporaryNames
// takes the place of the built-in one.
//
// # Cost
//
// Decide allocates nothing. It takes time for every pattern, in the worst case the
// length of the pattern times that of the name; New bounds both the rules and the
// patterns. A Policy never changes and may be used by any number of goroutines.
package policy
