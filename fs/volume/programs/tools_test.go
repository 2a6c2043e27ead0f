package programs_test

// testInPlace: programs that change a file where it is, or seem to.
func testInPlace(p *place) {
	p.sh(`for i in {1..2000}; do echo "line $((i * 7919 % 2000))"; done >f; chown 12:34 f; chmod 640 f; ln f same; ln -s f soft`)
	p.sh(`cp f g; sed -i s/line/row/ f; sed -i.bak '1~2d' f; sed -i --follow-symlinks s/row/ROW/ soft; sed -i -s 1d f g; wc f g same soft`)
	p.sh(`sort -o g g; sort -n -k 2 -o f f; sort -c g; sort -u -m -o m f g`)
	p.sh(`cp f old; sed s/ROW.1/change/ f >new; diff -u --label old --label new old new >p || true; touch -d 2001-01-01 old
		patch -b old p; patch -R -i p old; patch -o patched old p; patch --dry-run old p; cmp patched new`)
	p.exit(`patch -N new p`)
	p.sh(`split -b 5000 g part.; cat part.* | cmp - g; csplit -s -f cs. g 100 200; shuf --random-source=g -o m m; uniq m u; tee t <g >t2; cat g >>t; tail -n 3 t; head -c -100 t | md5sum`)
	p.sh(`echo first >log; exec 3>>log 4<>log; echo second >&3; read -r l <&4; echo "$l"; echo third >&4; echo fourth >>log; cat log; : >log; echo fifth >&3; od -c log`)
	p.sh(`printf 'a\nb\nc\n' >ed; perl -pi -e 's/a/x/' ed; perl -pi.orig -e 's/b/y/' ed; cat ed`)
}

// testDd: sizes, offsets, and all ways to say when it must be safe.
func testDd(p *place) {
	must(p.T, writeFile(p.path("in"), noise(3, 1<<20+777)))
	p.sh(`dd if=in of=fsync bs=64k conv=fsync status=none; dd if=in of=fdatasync bs=64k conv=fdatasync status=none; cmp in fsync; cmp in fdatasync`)
	p.sh(`dd if=in of=sync bs=256k oflag=sync status=none; dd if=in of=dsync bs=256k oflag=dsync status=none; cmp in sync; cmp in dsync`)
	p.sh(`dd if=in of=direct bs=64k oflag=direct status=none; dd if=direct of=direct2 bs=64k iflag=direct status=none; cmp in direct; cmp in direct2`)
	p.sh(`dd if=in of=append bs=1000 count=10 oflag=append conv=notrunc status=none; dd if=in of=append bs=1000 skip=10 oflag=append conv=notrunc status=none; cmp in append`)
	p.sh(`dd if=in of=seek bs=4096 seek=200 count=2 conv=notrunc status=none; dd if=/dev/zero of=append bs=1 count=100 seek=5000 conv=notrunc status=none; dd if=in of=short seek=3 bs=10 count=0 status=none`)
	p.sh(`dd if=in of=sparse bs=4k seek=300 count=1 conv=sparse status=none; dd if=/dev/zero of=sparse2 bs=4k count=100 conv=sparse status=none; dd if=in of=nocache bs=4k oflag=nocache status=none`)
	p.exit(`dd if=in of=fsync conv=excl status=none`)
	p.exit(`dd if=in of=nothing conv=nocreat status=none`)
	p.sh(`truncate -s 100 in; truncate -s +100 in; truncate -s %4096 in; truncate -s 0 append; truncate -s 10M grown; truncate -c -s 1 none; truncate -r seek grown; stat -c '%n %s' ./*`)
	p.sh(`fallocate -l 1M pre; cmp -n 1048576 pre /dev/zero; fallocate -n -l 2044K pre; fallocate -p -o 8192 -l 8192 seek; fallocate -z -o 0 -l 4096 direct; fallocate -d sparse2; sync seek; sync -d seek; sync -f .; sync
		stat -c '%n %s' pre; du -B1M pre
		cat pre >of; cat direct >in; rm pre direct # what is reserved there reads as data once it is cached`)
}

// testFind: what asks stat by every field.
func testFind(p *place) {
	p.sh(`cp -a "$1/site/." .; touch -d '2001-09-20' ref; touch new`, p.fixture())
	for _, test := range []string{"-newer ref", "! -newer ref", "-size +10k", "-size 0", "-size -5c", "-empty", "-perm /6000", "-perm -2000",
		"-perm 0644", "-links 2", "-links +2", "-type p", "-type l", "-type d", "-xtype l", "-samefile page.html", "-user 1234", "-nouser", "-nogroup",
		"-mtime +365", "-mmin -60", "-cmin -60", "-newermt 2001-09-20", "-newer new", "-readable", "-executable", "-writable",
		"-lname image/*", "-inum +0", "-noleaf -maxdepth 1", "-name *.html -prune -o -print"} {
		p.sh(`find . ` + quoteGlobs(test) + ` | sort`)
	}
	p.sh(`find . -printf '%p|%y|%Y|%m|%n|%U|%G|%l|%d|%f|%h|%P|%T+\n' | grep -v '|now' | grep -v '^\./new|\|^\.|' | sort`)
	p.sh(`find . ! -type d -printf '%p %s\n' | sort`)
	p.sh(`find . -name '*.html' -delete; find . -type l -exec rm {} +; find . -depth -mindepth 1 -name image -exec rm -r {} \;; ls -A`)
	p.sh(`ls -AR --quoting-style=c; ls -A --quoting-style=c --time-style=+ -l . | tail -n +2 | grep -v '^d' | sort`)
}

// testDu: room taken, as the administrator adds it up.
func testDu(p *place) {
	must(p.T, writeFile(p.path("dense"), noise(4, 1<<20)))
	sparse(p.T, p.path("sparse"))
	p.sh(`sync -f .; ln dense again; mkdir d; cp dense d/; truncate -s 64M huge; : >empty; echo x >small`)
	p.sh(`du -B4096 dense sparse huge empty small; du --apparent-size -B1 dense sparse huge empty; du -l -B4096 dense again; stat -c '%n %s %b %B %o' dense sparse huge empty small d d/dense`)
	p.sh(`du -s .; du -s -B1 --apparent-size .; du -a d | sort; du -S --inodes . | sort`)
	p.sh(`truncate -s 0 sparse; rm d/dense; du -B4096 sparse; du -s .`)
}

// testDf looks at the mount alone: each file system has numbers of its own.
func testDf(p *place) {
	for _, option := range []string{"-B1", "-i"} {
		out, code := p.quiet(`df ` + option + ` . | awk 'NR == 2 { print ($2 > 0), ($3 >= 0), ($4 > 0), ($3 + $4 <= $2), $5 }'`)
		if code != 0 || len(out) < 8 || out[:7] != "1 1 1 1" {
			p.Errorf("df %s: exit code %d, %s", option, code, out)
		}
	}
	if p.mounted {
		if out, _ := p.quiet(`df --output=source,fstype . | tail -n 1; findmnt -n -o FSTYPE --target .`); out != "test           fuse.contentfs\nfuse.contentfs\n" {
			p.Errorf("df and findmnt say %q", out)
		}
	}
	p.sh(`stat -f -c '%l' .`)
}
