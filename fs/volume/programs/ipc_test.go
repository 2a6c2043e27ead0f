package programs_test

import (
	"strings"
)

// testFlock: who holds a lock keeps others out, between processes.
func testFlock(p *place) {
	p.sh(`echo 0 >count
		for w in 1 2 3 4; do
			(for i in {1..15}; do flock lock bash -c 'n=$(<count); echo $((n + 1)) >count'; done) &
		done
		wait; cat count`)
	p.exit(`flock held flock -n held true`)
	p.exit(`flock -s held flock -n -s held echo shared`)
	p.exit(`flock -s held flock -n -x held true`)
	p.exit(`flock -x held flock -w 0.1 -E 7 held true`)
	p.exit(`exec 9>held; flock 9; flock -n held true || echo locked; flock -u 9; flock -n held echo free`)
	p.exit(`mkdir d; flock d flock -n d true`)
	p.exit(`flock -n . echo directory`)
}

// testFifo: what goes through is no content of ours.
func testFifo(p *place) {
	p.sh(`mkfifo -m 600 a b; mknod c p
		cat a >out & cat b >>b.out & seq 1 20000 | tee a b >/dev/null; wait; md5sum out b.out; cmp out b.out`)
	p.sh(`exec 5<>c; echo through >&5; read -r line <&5; echo "$line"; exec 5>&-; stat -c '%F %s %a' a c`)
	p.exit(`cat d`)
}

// testFileFlags: chattr and lsattr fail as on any file system that has no such
// flags.
func testFileFlags(p *place) {
	p.sh(`echo x >f; mkdir d`)
	if !p.mounted {
		return // ext4 has the flags
	}
	for _, command := range []string{"lsattr f", "lsattr -d d", "chattr +i f", "chattr +a d"} {
		out, code := p.quiet(command)
		lacks := strings.Contains(out, "Inappropriate ioctl for device") || strings.Contains(out, "Operation not supported")
		if code != 1 || !lacks {
			p.Errorf("%s: exit code %d, %s", command, code, out)
		}
	}
}
