package programs_test

import (
	"os"
	"path/filepath"
	"testing"
)

// programPath is where packages put programs.
const programPath = "/usr/sbin:/usr/bin:/sbin:/bin"

// packages says which Debian package has a command. What is in every Debian is not
// in it.
var packages = map[string]string{
	"apache2":     "apache2",
	"chattr":      "e2fsprogs",
	"convert":     "imagemagick",
	"curl":        "curl",
	"emacs":       "emacs-nox",
	"getfattr":    "attr",
	"git":         "git",
	"inotifywait": "inotify-tools",
	"logrotate":   "logrotate",
	"mogrify":     "imagemagick",
	"nginx":       "nginx",
	"patch":       "patch",
	"php":         "php-cli",
	"python3":     "python3",
	"rsync":       "rsync",
	"setfacl":     "acl",
	"setfattr":    "attr",
	"sqlite3":     "sqlite3",
	"unzip":       "unzip",
	"vim":         "vim",
	"vsftpd":      "vsftpd",
	"zip":         "zip",
}

// need fails the test for a program that is not there.
func need(t *testing.T, commands []string) {
	t.Helper()
	for _, c := range commands {
		name, ok := packages[c]
		if !ok {
			t.Fatalf("need_test.go does not know which package has %s", c)
		}
		if program(c) == "" {
			t.Fatalf("%s is missing: install the Debian package %s, or run scripts/test, which does", c, name)
		}
	}
}

// program returns the path of a command, "" when it is not installed.
func program(command string) string {
	for _, dir := range filepath.SplitList(programPath) {
		p := filepath.Join(dir, command)
		if st, err := os.Stat(p); err == nil && st.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}
