package programs_test

// testPython: the standard library's ways to copy, and its temporary files.
func testPython(p *place) {
	tree := p.fixture()
	p.sh(`rm "$1/site/fifo"; cat >"$ASIDE/copy.py" <<'END'
import os, pathlib, shutil, sys, tempfile, mmap, fcntl, filecmp, zipfile
src = sys.argv[1] + '/site'
shutil.copytree(src, 'tree', symlinks=True)
shutil.copytree('tree', 'again', symlinks=True, ignore=shutil.ignore_patterns('-rf'))
shutil.copy(src + '/run', 'copy'); shutil.copy2(src + '/run', 'copy2'); shutil.copyfile(src + '/sparse', 'copyfile')
shutil.copystat(src + '/image', 'tree/empty'); shutil.copymode(src + '/run', 'copyfile')
shutil.copy2('tree/page.html', 'within'); shutil.copystat(src + '/link', 'tree/link', follow_symlinks=False)
print(filecmp.cmp(src + '/sparse', 'copyfile', shallow=False))
shutil.move('tree/image', 'moved'); shutil.move('copy', sys.argv[2]); shutil.move(sys.argv[2] + '/copy', 'back')
shutil.chown('back', 12, 34); shutil.rmtree('tree/drop'); print(shutil.disk_usage('.').free > 0)

with tempfile.NamedTemporaryFile(dir='.', delete=False) as f:
    f.write(b'named'); f.flush(); os.fsync(f.fileno()); print(oct(os.stat(f.name).st_mode), os.stat(f.name).st_nlink)
os.replace(f.name, 'replaced')
with tempfile.TemporaryFile(dir='.') as f:
    f.write(b'without a name'); f.seek(0); print(f.read(), os.fstat(f.fileno()).st_nlink)
with tempfile.SpooledTemporaryFile(max_size=10, dir='.') as f:
    f.write(b'x' * 1000); f.seek(500); print(len(f.read()))
with tempfile.TemporaryDirectory(dir='.') as d:
    pathlib.Path(d, 'f').write_text('x'); print(oct(os.stat(d).st_mode))
fd, name = tempfile.mkstemp(dir='.'); os.close(fd); os.unlink(name)

p = pathlib.Path('path'); p.write_text('text'); p.touch(); p.rename('path2'); pathlib.Path('path2').hardlink_to; print(sorted(os.listdir('.')))
with open('mapped', 'w+b') as f:
    f.truncate(10000)
    with mmap.mmap(f.fileno(), 0) as m:
        m[5000:5004] = b'data'; m.flush()
    f.seek(5000); print(f.read(4))
with open('mapped', 'r+b') as f:
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB); os.posix_fallocate(f.fileno(), 0, 20000); os.ftruncate(f.fileno(), 15000)
    print(os.pread(f.fileno(), 4, 5000), os.pwrite(f.fileno(), b'end', 14997), os.sendfile(1, f.fileno(), 5000, 4))
os.remove('mapped')  # what was reserved in it reads as data once it is cached
with zipfile.ZipFile('z.zip', 'w') as z:
    z.writestr(zipfile.ZipInfo('a'), b'a'); z.writestr(zipfile.ZipInfo('b'), b'b' * 1000)
with zipfile.ZipFile('z.zip', 'a') as z:
    z.writestr(zipfile.ZipInfo('c'), b'c'); print(z.testzip(), z.namelist())
for root, dirs, files in os.walk('again'):
    dirs.sort(); print(root, sorted(os.fsencode(f) for f in files))
with os.scandir('again') as it:
    print(sorted((os.fsencode(e.name), e.is_file(), e.is_dir(), e.is_symlink(), e.inode() == e.stat(follow_symlinks=False).st_ino) for e in it))
END
		python3 -B "$ASIDE/copy.py" "$1" "$ASIDE" | sed 's/mapped//'; rm -f d*`, tree)
}
