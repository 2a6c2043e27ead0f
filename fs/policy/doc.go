// Package policy says which content goes where: to S3, to the fallback, or nowhere
// for now, and with what headers. It is pure: it knows rules and what a file is like,
// and asks nobody.
//
// # Rules
//
// The first rule that fits decides, alone: what it does not say is the default, not
// the next rule's. Behind the administrator's rules stands one of ours, for names
// that programs give to what is not finished; behind that the default, S3.
//
// A rule fits when all its conditions do. A condition that lists several patterns
// fits when one of them does. Patterns are those of the shell (path.Match): "*", "?",
// "[a-z]"; in a path "**" stands for any number of directories. Conditions on uid,
// field and scale never fit a path without an address. Media types and names are
// compared without regard to the case of ASCII letters.
//
// # Age
//
// A rule that fits in everything but its age does not decide yet, and Decision.Again
// tells when it will. Until then the next rules do; where none of them fits, a rule
// that waits for age to send content to S3 keeps it here.
package policy
