package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Beginnings and ends of bucket names that S3 keeps for itself.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// checkBucketName checks a name against S3's rules for general purpose buckets,
// and says which rule it breaks.
func checkBucketName(name string) error {
	if n := len(name); n < 3 || n > 63 {
		return fmt.Errorf("a bucket name has 3 to 63 characters, this one has %d", n)
	}
	for i := range len(name) {
		if c := name[i]; !lowerOrDigit(c) && c != '-' && c != '.' {
			return fmt.Errorf("a bucket name has lower-case letters, digits, hyphens and dots only, not %q", rune(c))
		}
	}
	if strings.Contains(name, "..") {
		return errors.New("a bucket name has no two dots in a row")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || !lowerOrDigit(label[0]) || !lowerOrDigit(label[len(label)-1]) {
			return errors.New("a bucket name, and every part of it between dots, begins and ends with a letter or digit")
		}
	}
	if looksLikeIP(name) {
		return errors.New("a bucket name does not look like an IP address")
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return fmt.Errorf("bucket names that begin with %q are reserved by S3", p)
		}
	}
	for _, s := range reservedSuffixes {
		if strings.HasSuffix(name, s) {
			return fmt.Errorf("bucket names that end with %q are reserved by S3", s)
		}
	}
	return nil
}

// bucketWarning says what is allowed and yet unwise about a valid name, "" when
// nothing is. A certificate for *.s3.amazonaws.com covers one label only.
func bucketWarning(name string, pathStyle, https bool) string {
	if strings.Contains(name, ".") && https && !pathStyle {
		return "a bucket name with dots does not fit the certificate of https://BUCKET.s3…; use a name without dots, or path_style"
	}
	return ""
}

func lowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// looksLikeIP reports whether name is four numbers between dots, in range or not:
// S3 looks at the form.
func looksLikeIP(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if strings.Trim(l, "0123456789") != "" {
			return false
		}
	}
	return len(labels) == 4
}
