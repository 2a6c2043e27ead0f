package programs_test

// testACL: lists are kept, inherited and copied, and decide who may do what.
func testACL(p *place) {
	const acls = `acls() { find "$@" | sort | xargs getfacl -n; }
		`
	p.sh(`mkdir d; echo x >f; chmod 640 f; setfacl -m u:1234:rw,g:5678:r f; getfacl -n f; stat -c %A f; ls -l f | cut -c 1-11`)
	p.sh(acls + `setfacl -d -m u:1234:rwx,g::rx,o::- d; (umask 077; echo y >d/f; mkdir d/sub; : >d/sub/g); cp f d/cp; acls d
		exec 5>d/open; getfacl -n d/open; echo x >&5; exec 5>&-; getfacl -n d/open`) // and while it is open
	p.sh(acls + `chmod g-w f; getfacl -n f; chmod 666 f; getfacl -n f; setfacl -m m::r f; getfacl -n f; stat -c %a f; setfacl -x u:1234 f; setfacl -b d/f; setfacl -k d/sub; acls f d`)
	p.sh(acls + `setfacl -m u:1234:rw f; acls f d >"$ASIDE/acls"; setfacl -b -R f d; acls f d | md5sum; setfacl --restore="$ASIDE/acls"; acls f d | cmp - "$ASIDE/acls"`)
	p.sh(acls + `cp -a d cp; tar --acls -cf - d | tar --acls --transform s/d/tar/ -xf -; rsync -aA d/ rsync/; for c in cp rsync; do (cd $c; acls .) | md5sum; done; acls tar; mv cp "$ASIDE/mv"; mv "$ASIDE/mv" .; acls mv`)
	const as = `as() { local id=$1; shift; setpriv --reuid "$id" --regid "$id" --clear-groups "$@"; }; chmod 600 f; setfacl -m u:1234:r,u:4321:- f; echo x >f
		`
	p.exit(as + `cat f; as 1234 cat <f; chmod 755 .; as 1234 cat ./f`)
	p.exit(as + `as 4321 cat ./f`)
	p.exit(as + `as 1234 bash -c 'echo y >>./f'`)
	p.exit(`setfacl -d -m u:1:rwx f`)
	p.exit(`setfacl -m u:1:rwx,m::x d; getfacl -n d; chmod 000 d; getfacl -n d; getfattr -d -m - -e hex d`)
}
