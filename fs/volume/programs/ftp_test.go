package programs_test

const vsftpdConfig = `
listen=YES
listen_address=HOST
listen_port=PORT
background=NO
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root=DIR
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
write_enable=YES
ascii_upload_enable=YES
ascii_download_enable=YES
use_sendfile=YES
lock_upload_files=YES
connect_from_port_20=NO
seccomp_sandbox=NO
xferlog_enable=NO
secure_chroot_dir=ASIDE/empty
`

// testFTP: uploads of a real client, resumed at the end and in the middle, and
// renames.
func testFTP(p *place) {
	address := p.freeAddress()
	host, port := splitAddress(p.T, address)
	p.sh(`mkdir "$ASIDE/empty"`)
	config := p.config("vsftpd.conf", replaceAll(replaceAll(vsftpdConfig, "HOST", host), "PORT", port))
	must(p.T, writeFile(p.aside+"/whole", noise(6, 1<<20)))
	p.serve(address, "vsftpd", config)
	for _, script := range []string{
		`curl -sS --ftp-create-dirs -T "$ASIDE/whole" "$1/a/b/whole"; cmp "$ASIDE/whole" a/b/whole`,
		`head -c 400000 "$ASIDE/whole" >"$ASIDE/part"; curl -sS -T "$ASIDE/part" "$1/resumed"; curl -sS -C - -T "$ASIDE/whole" "$1/resumed"; cmp "$ASIDE/whole" resumed`,
		`tail -c +400001 "$ASIDE/whole" >"$ASIDE/rest"; curl -sS -T "$ASIDE/part" "$1/appended"; curl -sS -a -T "$ASIDE/rest" "$1/appended"; cmp "$ASIDE/whole" appended`,
		`curl -sS -Q '-RNFR appended' -Q '-RNTO renamed' -Q '-RNFR resumed' -Q '-RNTO renamed' -l "$1/" | sort`,
		`curl -sS -T "$ASIDE/part" "$1/renamed"; cmp "$ASIDE/part" renamed; curl -sS -B -T /dev/fd/0 "$1/text" <<<'text'`,
		`cp "$ASIDE/part" "$ASIDE/got"; curl -sS -o "$ASIDE/got" -C - "$1/a/b/whole"; cmp "$ASIDE/whole" "$ASIDE/got"; curl -sS -r 5000-5999 "$1/a/b/whole" | md5sum`,
		`curl -sS -I "$1/renamed" | grep -v Last; curl -sS -Q '-DELE text' -Q '-MKD d' -Q '-RMD d' -Q '-MKD e' -l "$1/" | sort`,
		`python3 - ${1#ftp://} "$ASIDE/rest" <<'END'
import ftplib, sys
host, port = sys.argv[1].split(':')
f = ftplib.FTP(); f.connect(host, int(port)); f.login()
print(f.storbinary('STOR renamed', open(sys.argv[2], 'rb'), rest=100000))
print(f.size('renamed')); print(sorted(f.nlst('a/b')))
f.rename('renamed', 'e/last'); f.quit()
END`,
	} {
		p.said = append(p.said, p.posted(script, "ftp://"+address))
	}
	p.sh(`head -c 100000 "$ASIDE/part" | cat - "$ASIDE/rest" | cmp - e/last`)
}
