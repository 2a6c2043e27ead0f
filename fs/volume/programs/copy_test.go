package programs_test

func testCp(p *place) {
	tree := p.fixture()
	p.sh(`cp -a "$1/site" copied`, tree)
	p.sh(`find copied -printf '%p %A+ %T+\n' | sort`) // before anything reads it
	p.sh(`cp -a copied again`)
	p.sh(`cp -a copied "$ASIDE/out"; diff -r --no-dereference -x fifo "$1/site" "$ASIDE/out"`, tree)
	p.sh(`cp -al copied linked`)
	p.sh(`cp -r --preserve=mode,timestamps copied/image plainly`)
	p.sh(`cp --reflink=auto copied/image/large.jpg reflink`)
	p.sh(`cp --sparse=always copied/sparse dug; cp --sparse=never copied/sparse filled`)
	p.sh(`head -c 1M /dev/zero >zeros; cp --sparse=always zeros hole; cmp zeros hole`)
	p.sh(`cp -b copied/page.html reflink; cp -f copied/run reflink; cp -u copied/page.html reflink`)
	p.sh(`cp -s reflink symlinked; cp -n reflink dug; cp --attributes-only copied/run dug`)
	p.exit(`cp -T reflink copied`)
	p.exit(`cp reflink reflink`)
}

// testRsync: the second run finds nothing to do, whichever way it goes.
func testRsync(p *place) {
	tree := p.fixture()
	for _, way := range [][2]string{{tree + "/site/", "in/"}, {"in/", "within/"}, {"in/", p.aside + "/out/"}} {
		p.sh(`rsync -aHAX --sparse "$1" "$2"`, way[0], way[1])
		if again := p.sh(`rsync -aHAX --sparse --itemize-changes "$1" "$2"`, way[0], way[1]); again != "" {
			p.Errorf("rsync from %s to %s again moves:\n%s", way[0], way[1], again)
		}
	}
	p.sh(`echo more >>in/page.html; touch -d 2002-02-02 in/page.html; rm within/run; mv in/image/large.jpg in/image/larger.jpg
		rsync -aHAX --delete --fuzzy --itemize-changes in/ within/`)
	p.sh(`echo more >>within/page.html; touch -d 2003-03-03 within/page.html; rsync -aHAX --inplace --no-whole-file --itemize-changes within/ in/`)
	p.sh(`rsync -aHAX --checksum --dry-run --itemize-changes in/ within/`)
	p.sh(`rsync -a --partial-dir=.partial --backup --suffix=.old "$1/site/image/" within/image/`, tree)
}

func testTar(p *place) {
	// A header's name holds the process's number unless it is told otherwise.
	const create = `create() { tar --xattrs --acls --sparse --sort=name --format=pax \
		--pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime "$@"; }; `
	tree := p.fixture()
	p.sh(create+`create -cf "$ASIDE/in.tar" -C "$1" site`, tree)
	p.sh(`tar --xattrs --xattrs-include='*' --acls -xpf "$ASIDE/in.tar"`)
	p.sh(`tar -df "$ASIDE/in.tar"`)
	p.sh(create + `create -cf out.tar site; tar -df out.tar; tar --xattrs --acls -tvf out.tar`)
	p.sh(`mkdir "$ASIDE/out"; tar --xattrs --xattrs-include='*' --acls -xpf out.tar -C "$ASIDE/out"
		diff -r --no-dereference -x fifo "$ASIDE/out/site" site`)
	p.sh(`tar --sort=name -cf more.tar site/image; tar -rf more.tar site/run; tar -uf more.tar site/page.html; tar --delete -f more.tar site/run
		tar -tf more.tar; tar -czf more.tgz site/image; tar -xzf more.tgz -C "$ASIDE"; rm more.tgz`)
	p.sh(`tar -xf more.tar --overwrite; tar -xf more.tar --unlink-first site/page.html; tar -xf more.tar --skip-old-files; tar -xf more.tar --recursive-unlink
		rm out.tar # its sparse file's name holds the process's number`)
}

func testZip(p *place) {
	p.sh(`cp -a "$1/site/image" "$1/site/page.html" "$1/site/link" .; chmod u+r image/empty`, p.fixture())
	p.sh(`find image page.html link | sort | zip -X -q -y all.zip -@; unzip -t -q all.zip`)
	p.sh(`unzip -q all.zip -d out; diff -r --no-dereference image out/image; zipinfo -T all.zip`)
	p.sh(`echo more >>page.html; TZ=UTC touch -d 2020-02-02 page.html; zip -X -q -u all.zip page.html; zip -q -d all.zip link; unzip -o -q all.zip -d out`)
	p.sh(`zip -q -m moved.zip image/same.html; unzip -q moved.zip; rm moved.zip`)
}

func testInstallAndMove(p *place) {
	p.sh(`cp -a "$1/site/." .`, p.fixture())
	p.sh(`install -D -m 2750 -o 12 -g 34 page.html a/b/c/page; install -p -t a page.html; install -d -m 1777 tmp; install -C page.html a/page.html`)
	p.sh(`install -b -S .old page.html a/page.html`)
	p.sh(`mv page.html a; mv -n a/page.html run; mv -b a/page.html run; mv -u -- -rf again.html; mv -T a z`)
	p.exit(`cp -p run z; mv run z; sed -i 1p z/run; mv image z; mv -T empty z`)
	p.exit(`mv z z/b`)
	p.sh(`mv z "$ASIDE"; mv "$ASIDE/z" back; mv sparse "$ASIDE"; mv "$ASIDE/sparse" .; mv fifo link dangling "$ASIDE"; mv "$ASIDE"/{fifo,link,dangling} .`)
	p.sh(`if mv --help | grep -q -- --exchange; then mv --exchange sparse latin*; fi`)
	p.sh(`cp back/run run; ln -f run hard; ln -s hard soft; ln -sfn back/image soft; ln -r -s back/image/large.jpg z.jpg; readlink -f soft; readlink z.jpg; ln -P soft soft2; ln -L z.jpg deep`)
	p.exit(`ln run hard`)
	p.exit(`ln image dir`)
	p.exit(`rmdir back`)
	p.exit(`rm back/image`)
	p.exit(`rm -r nothing`)
	p.sh(`rm -d empty; rm -f nothing; unlink hard; rm -r back/image drop`)
}
