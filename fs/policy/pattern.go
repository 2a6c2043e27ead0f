package policy

import (
	"bytes"
	"errors"
	"fmt"
)

// maxPattern is the length in bytes of the longest pattern.
const maxPattern = 1024

// doubleStar is the component of a path pattern that stands for any number of them.
const doubleStar = "**"

// checkPattern returns an error unless match understands the pattern.
func checkPattern(pattern string) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("is longer than %d bytes", maxPattern)
	}
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case 0:
			return errors.New("holds a NUL, which no name has")
		case '\\':
			if i+1 == len(pattern) || pattern[i+1] == 0 {
				return errors.New(`ends with a "\"`)
			}
			i += 2
		case '[':
			n, err := checkSet(pattern[i:])
			if err != nil {
				return err
			}
			i += n
		default:
			i++
		}
	}
	return nil
}

// checkSet checks the set that s begins with, and returns its length.
func checkSet(s string) (int, error) {
	i := 1
	if i < len(s) && (s[i] == '^' || s[i] == '!') {
		i++
	}
	for first := true; i < len(s) && (first || s[i] != ']'); first = false {
		lo, n, ok := setByte(s[i:])
		if !ok {
			return 0, errors.New(`has a set in which a "]", a "-" or a character that is not ASCII stands alone`)
		}
		i += n
		if i < len(s) && s[i] == '-' {
			hi, n, ok := setByte(s[i+1:])
			if !ok || hi < lo {
				return 0, errors.New("has a set with a range that ends before it begins")
			}
			i += 1 + n
		}
	}
	if i >= len(s) {
		return 0, errors.New(`has a "[" without a "]"; a "[" of a name is written \[`)
	}
	return i + 1, nil
}

// setByte reads one byte of a set, and how many it takes in the pattern.
func setByte(s string) (c byte, n int, ok bool) {
	if s == "" || s[0] == '-' || s[0] == ']' {
		return 0, 0, false
	}
	if s[0] == '\\' {
		return at(s, 1), 2, len(s) > 1 && s[1] != 0 && s[1] < 0x80
	}
	return s[0], 1, s[0] != 0 && s[0] < 0x80
}

func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// match reports whether the whole of name is what pattern, which checkPattern
// accepts, stands for. With fold the case of ASCII letters does not count.
// On a mismatch only the last "*" is tried again: an earlier one that takes more
// leaves less for what already fits.
func match[N string | []byte](pattern string, name N, fold bool) bool {
	p, n := 0, 0
	star, from := -1, 0 // behind the last "*", and what it has taken up to
	for n < len(name) || p < len(pattern) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				star, from = p, n
				continue
			}
			if n < len(name) {
				if width, ok := matchByte(pattern[p:], name[n], fold); ok {
					p, n = p+width, n+1
					continue
				}
			}
		}
		if star < 0 || from >= len(name) {
			return false
		}
		from++
		p, n = star, from
	}
	return true
}

// matchByte reports whether the first element of pattern, which is no "*", stands
// for c, and how long that element is.
func matchByte(pattern string, c byte, fold bool) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchSet(pattern, c, fold)
	case '\\':
		return 2, same(pattern[1], c, fold)
	}
	return 1, same(pattern[0], c, fold)
}

func matchSet(s string, c byte, fold bool) (width int, ok bool) {
	i, negated := 1, false
	if s[i] == '^' || s[i] == '!' {
		i, negated = 2, true
	}
	found := false
	for s[i] != ']' {
		lo, n, _ := setByte(s[i:])
		hi := lo
		if i += n; s[i] == '-' {
			hi, n, _ = setByte(s[i+1:])
			i += 1 + n
		}
		found = found || lo <= c && c <= hi || fold && (between(lo, lower(c), hi) || between(lo, upper(c), hi))
	}
	return i + 1, found != negated
}

func between(lo, c, hi byte) bool { return lo <= c && c <= hi }

func same(a, b byte, fold bool) bool { return a == b || fold && lower(a) == lower(b) }

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

func upper(c byte) byte {
	if isLower(c) {
		return c - 'a' + 'A'
	}
	return c
}

// matchPath reports whether the whole of path is what pattern stands for, both cut
// into components. As in match, only the last "**" is tried again.
func matchPath(pattern []string, path []byte) bool {
	slash := []byte{'/'}
	p, rest, more := 0, path, true // more: a component is left, "" perhaps
	star, from, fromMore := -1, path[:0], false
	for more || p < len(pattern) {
		if p < len(pattern) && pattern[p] == doubleStar {
			p++
			star, from, fromMore = p, rest, more
			continue
		}
		if p < len(pattern) && more {
			name, after, left := bytes.Cut(rest, slash)
			if match(pattern[p], name, false) {
				p, rest, more = p+1, after, left
				continue
			}
		}
		if star < 0 || !fromMore {
			return false
		}
		_, from, fromMore = bytes.Cut(from, slash)
		p, rest, more = star, from, fromMore
	}
	return true
}
