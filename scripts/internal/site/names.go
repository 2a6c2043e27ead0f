package main

import (
	"fmt"
	"strings"
)

// hurting are names that programs, URLs, XML or file systems have trouble with. The
// longest take so many bytes: stores that keep objects as files refuse keys of more
// than 255 between two slashes, and copies under such keys fail there.
func hurting(longest int) []string {
	long := func(s string) string { return strings.Repeat(s, longest/len(s)) }
	return []string{
		"plain.jpg", "with space.jpg", " leading and trailing ", "100%.jpg", "%41%2F.jpg", "a+b.jpg", "a&b=c?d#e.jpg",
		"\u00e4\u00f6\u00fc.jpg", "a\u0308o\u0308u\u0308.jpg", "a_b__c_.jpg", "semi;colon.txt", `double"quote.pdf`,
		"it's.pdf", `back\slash.txt`, "new\nline.txt", "tab\there.txt", "\x01control.bin", "<tag>&amp;.html",
		"no-utf8-\xff\xfe.jpg", "half-\xc3.jpg", "\u65e5\u672c\u8a9e.png", "\U0001f600.png", "-rf", "~tilde", "*?[x]",
		"$(echo).txt", "..dots", ".hidden", "UPPER.JPG", "no extension", "\u202eltr.jpg", "a,b:c|d.txt",
		long("x"), long("\u00e4"), long("_"),
		long("% ")[:longest/2], // a key has twice as much of it
	}
}

// uidOf names the n-th content item. Most are as a CMS makes them.
func uidOf(n int) string {
	switch n % 20 {
	case 3:
		return fmt.Sprintf("item %d, 100%%", n)
	case 7:
		return fmt.Sprintf("m\u00fcller_%d", n)
	case 11:
		return fmt.Sprintf("u\u0308ber+%d;x", n)
	case 15:
		return fmt.Sprintf("raw-\xf6-%d", n)
	}
	return fmt.Sprintf("%032x", uint64(n)*0x9e3779b97f4a7c15)
}

// places are where an item's files lie; the last is no address.
func places() []string {
	return []string{"image", "image/preview", "image/thumb", "file", "attach_ment/100%", "file/of/any/depth"}
}

// fieldOf is the field of a place, "" where it is no address.
func fieldOf(place string) string {
	field, rest, _ := strings.Cut(place, "/")
	if strings.Contains(rest, "/") {
		return ""
	}
	return field
}
