package programs_test

// uploadPHP is what a CMS does with what a browser sends. The server's working
// directory is the script's.
const uploadPHP = `<?php
$name = basename($_FILES['file']['name']);
$error = $_FILES['file']['error'];
$moved = move_uploaded_file($_FILES['file']['tmp_name'], 'DIR/upload/' . $name);
clearstatcache();
echo "$name error=$error moved=", var_export($moved, true), " size=", filesize("DIR/upload/$name"),
	" mode=", decoct(fileperms("DIR/upload/$name")), " left=", count(glob('DIR/tmp/php*')), "\n";
`

// testPHPUpload posts files to PHP's own server, whose folder for uploads is on the
// same file system as where they go, or not.
func testPHPUpload(p *place) {
	script := p.config("upload.php", uploadPHP)
	p.sh(`mkdir upload tmp`)
	p.config("small.txt", "small\n")
	must(p.T, writeFile(p.aside+"/large.jpg", noise(5, 3<<20)))
	for _, tmp := range []string{p.aside, p.path("tmp")} {
		address := p.freeAddress()
		p.serve(address, "php", "-d", "upload_max_filesize=8M", "-d", "post_max_size=9M", "-d", "upload_tmp_dir="+tmp, "-S", address, script)
		const post = `curl -sS -H Expect: -F "file=@$ASIDE/$2" http://$1/`
		for range 2 { // the second time over what is there
			p.said = append(p.said, p.posted(post, address, "small.txt"), p.posted(post, address, "large.jpg"))
		}
	}
	p.sh(`cmp upload/large.jpg "$ASIDE/large.jpg"; ls -A tmp`)
}

// posted is quiet for what must succeed; its arguments are different each time.
func (p *place) posted(script string, args ...string) string {
	p.Helper()
	out, code := p.quiet(script, args...)
	if code != 0 {
		p.Fatalf("exit code %d of %s %q\n%s", code, script, args, out)
	}
	return out
}

// testPHPFiles: how applications write their caches, settings and counters.
func testPHPFiles(p *place) {
	p.sh(`cat >"$ASIDE/put.php" <<'END'
<?php
[, $way, $worker] = $argv;
for ($i = 0; $i < 10; $i++) {
	$line = "$worker $i\n";
	$whole = str_repeat($worker, 20000);
	switch ($way) {
	case 'append': file_put_contents('append', $line, FILE_APPEND); break;
	case 'append-locked': file_put_contents('append-locked', $line, FILE_APPEND | LOCK_EX); break;
	case 'whole-locked': file_put_contents('whole-locked', $whole, LOCK_EX); break;
	case 'renamed':
		$tmp = tempnam('.', 'tmp');
		file_put_contents($tmp, $whole);
		rename($tmp, 'renamed');
		break;
	case 'counter':
		$f = fopen('counter', 'c+');
		flock($f, LOCK_EX);
		$n = (int) stream_get_contents($f) + 1;
		ftruncate($f, 0); rewind($f); fwrite($f, $n); fflush($f);
		flock($f, LOCK_UN); fclose($f);
		break;
	}
	if ($way == 'renamed' || $way == 'whole-locked') {
		$f = fopen($way, 'r');
		flock($f, LOCK_SH);
		$got = stream_get_contents($f);
		if (strlen($got) != 20000 || strlen(count_chars($got, 3)) != 1) { echo "$way is torn: ", strlen($got), "\n"; exit(1); }
		fclose($f);
	}
}
END
		for way in append append-locked whole-locked renamed counter; do
			pids=()
			for worker in 1 2 3 4; do php "$ASIDE/put.php" $way $worker & pids+=($!); done
			for pid in "${pids[@]}"; do wait "$pid"; done
		done
		sort append | md5sum; sort append-locked | md5sum; cat counter; wc -c whole-locked renamed; rm append append-locked whole-locked renamed`)
	p.sh(`php -r '
		file_put_contents("f", "one"); file_put_contents("f", "two", FILE_APPEND); echo file_get_contents("f"), filesize("f"), "\n";
		copy("f", "g"); rename("g", "h"); touch("h", 1000000000, 1000000001); chmod("h", 0640); symlink("h", "s"); link("h", "l"); unlink("l");
		mkdir("a/b/c", 0750, true); rename("a/b", "d"); rmdir("a"); file_put_contents("d/c/x", "");
		var_dump(is_writable("h"), readlink("s"), stat("h")["nlink"], fileatime("h"), filemtime("h"), scandir("."), disk_free_space(".") > 0, realpath("d/./c") !== false);
		$t = tmpfile(); fwrite($t, "x"); $z = fopen("compress.zlib://z.gz", "w"); fwrite($z, str_repeat("z", 1000)); fclose($z); echo strlen(gzdecode(file_get_contents("z.gz"))), "\n"; unlink("z.gz");
		session_save_path("."); session_id("abc"); session_start(); $_SESSION["n"] = 1; session_write_close(); echo file_get_contents("sess_abc"), "\n";
		' 2>&1`)
}
