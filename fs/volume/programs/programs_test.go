package programs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// programs are the tests: what they run besides what every Debian has, and how.
var programs = []struct {
	name     string
	commands []string
	test     func(p *place)
}{
	{"Cp", nil, testCp},
	{"Rsync", []string{"rsync"}, testRsync},
	{"Tar", nil, testTar},
	{"Zip", []string{"zip", "unzip"}, testZip},
	{"InstallAndMove", nil, testInstallAndMove},
	{"InPlace", []string{"patch"}, testInPlace},
	{"Dd", nil, testDd},
	{"Find", nil, testFind},
	{"Du", nil, testDu},
	{"Df", nil, testDf},
	{"Flock", nil, testFlock},
	{"Fifo", nil, testFifo},
	{"FileFlags", []string{"chattr"}, testFileFlags},
	{"Git", []string{"git"}, testGit},
	{"SQLite", []string{"sqlite3"}, testSQLite},
	{"ImageMagick", []string{"convert", "mogrify"}, testImageMagick},
	{"PHPUpload", []string{"php", "curl"}, testPHPUpload},
	{"PHPFiles", []string{"php"}, testPHPFiles},
	{"Python", []string{"python3"}, testPython},
	{"Nginx", []string{"nginx", "curl"}, testNginx},
	{"FTP", []string{"vsftpd", "curl", "python3"}, testFTP},
	{"Editors", []string{"vim", "emacs"}, testEditors},
	{"LogrotateCreate", []string{"logrotate"}, testLogrotateCreate},
	{"LogrotateTruncate", []string{"logrotate"}, testLogrotateTruncate},
	{"Inotify", []string{"inotifywait"}, testInotify},
	{"ACL", []string{"setfacl", "rsync", "getfattr"}, testACL},
}

// TestPrograms runs every test on a volume that they share, each in a folder of its
// own and beside it, and once more on a volume without passthrough.
func TestPrograms(t *testing.T) {
	// What lives for a moment only need not be sent, nor what is left at the end: the
	// tests wait for what shall be in S3.
	lazy := func(o *volume.Options) { o.Debounce, o.Drain = 500*time.Millisecond, 0 }
	volumetest.Each(t, lazy, func(v *volumetest.Volume) {
		for _, o := range programs {
			v.T.Run(o.name, func(t *testing.T) {
				need(t, o.commands)
				onBoth(t, v, o.name, o.test)
			})
		}
	})
}

// onBoth runs a test in a folder on the mount and in a plain one, and fails when
// anything differs.
func onBoth(t *testing.T, v *volumetest.Volume, name string, test func(p *place)) {
	begin := time.Now().Add(-time.Second) // from here on it is now, which is another time in each place
	places := []*place{
		{name: "beside", dir: filepath.Join(t.TempDir(), name)},
		{name: "mounted", dir: v.Join(name), mounted: true},
	}
	for _, p := range places {
		must(t, os.Mkdir(p.dir, 0o755))
		p.aside = t.TempDir()
		if !t.Run(p.name, func(t *testing.T) { p.T = t; test(p) }) {
			return
		}
	}
	beside, mounted := places[0], places[1]
	compare(t, "the programs said", beside.said, mounted.said)
	compare(t, "the tree has", snapshot(t, beside.dir, begin), snapshot(t, mounted.dir, begin))
}
