package main

import (
	"strings"
	"testing"
)

func TestBucketNames(t *testing.T) {
	for _, tc := range []struct{ name, rule string }{
		{"abc", ""}, {"my-bucket", ""}, {"my.bucket.1", ""}, {"0a0", ""}, {strings.Repeat("a", 63), ""}, {"1.2.3.4.5", ""}, {"a.1.2.3", ""}, {"a--b", ""},
		{"", "3 to 63"}, {"ab", "3 to 63"}, {strings.Repeat("a", 64), "3 to 63"},
		{"MyBucket", "lower-case"}, {"my_bucket", "lower-case"}, {"my bucket", "lower-case"}, {"büc", "lower-case"}, {"a/b", "lower-case"},
		{"a..b", "two dots"}, {"-abc", "begins and ends"}, {"abc-", "begins and ends"}, {".abc", "begins and ends"}, {"abc.", "begins and ends"},
		{"a.-b", "begins and ends"}, {"a-.b", "begins and ends"},
		{"192.168.5.4", "IP address"}, {"999.999.999.999", "IP address"}, {"1.2.3.4", "IP address"},
		{"xn--abc", "xn--"}, {"sthree-x", "sthree-"}, {"amzn-s3-demo-x", "amzn-s3-demo-"},
		{"abc-s3alias", "-s3alias"}, {"abc--ol-s3", "--ol-s3"}, {"abc.mrap", ".mrap"}, {"abc--x-s3", "--x-s3"}, {"abc--table-s3", "--table-s3"},
	} {
		err := checkBucketName(tc.name)
		if tc.rule == "" && err != nil || tc.rule != "" && (err == nil || !strings.Contains(err.Error(), tc.rule)) {
			t.Errorf("%q: %v, want a message about %q", tc.name, err, tc.rule)
		}
	}
}

func TestBucketWarning(t *testing.T) {
	for _, tc := range []struct {
		name             string
		pathStyle, https bool
		warn             bool
	}{{"a.b.c", false, true, true}, {"a.b.c", true, true, false}, {"a.b.c", false, false, false}, {"abc", false, true, false}} {
		if got := bucketWarning(tc.name, tc.pathStyle, tc.https); (got != "") != tc.warn {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}

// FuzzBucketName compares with the rules written down once more, in another way.
func FuzzBucketName(f *testing.F) {
	for _, s := range []string{"abc", "a.b", "1.2.3.4", "xn--a", "a-s3alias", "A", "a..b", "-a-", "0.0.0.0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkBucketName(name) != nil {
			return
		}
		if len(name) < 3 || len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
			t.Fatalf("%q passed", name)
		}
		for _, bad := range []string{"..", ".-", "-."} {
			if strings.Contains("."+name+".", bad) {
				t.Fatalf("%q passed, with %q", name, bad)
			}
		}
	})
}
