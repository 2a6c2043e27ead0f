package programs_test

// testGit: from the first commit to the last object that gc packs, and an index
// that stays fresh when the files reach S3.
func testGit(p *place) {
	p.config(".gitconfig", "[user]\n name = A\n email = a@example.org\n[pack]\n threads = 1\n[gc]\n autoDetach = false\n[init]\n defaultBranch = main\n templateDir =\n[advice]\n detachedHead = false\n")
	p.sh(`git init -q origin; cd origin
		mkdir -p src/deep; for i in {1..9}; do seq $i 400 >src/deep/f$i; done; ln -s deep src/link; printf '#!/bin/sh\n' >run; chmod +x run
		git add .; git commit -q -m first; git tag v1; seq 1 500 >src/deep/f7; git mv src/deep/f8 moved; git rm -q src/deep/f9; git commit -q -a -m second`)
	p.sh(`git clone -q origin clone; git clone -q --bare origin bare.git; cd clone; git remote set-url origin ../origin
		git fsck --strict --no-progress; git status --porcelain; git log --oneline --stat | cat`)
	p.inS3("clone/src/deep/f3", "clone/moved", "clone/run")
	// Compares inode number, owner, size and all times with the index, and mends nothing.
	p.sh(`cd clone; git diff-files --name-status; git ls-files -s | md5sum`)
	p.sh(`cd clone; git checkout -q -b side v1; echo side >>src/deep/f1; git commit -q -a -m side; git checkout -q main; git merge -q -m merged side
		echo dirty >>moved; git stash -q; git status --porcelain; git stash pop -q; git status --porcelain; git checkout -q moved; git rebase -q v1 side; git checkout -q main
		git worktree add -q ../tree side; git push -q ../bare.git main side; git grep -c dirty || true; git clean -n; git archive v1 | md5sum`)
	p.sh(`for r in origin clone bare.git; do git -C $r gc -q --prune=now; git -C $r repack -q -a -d; git -C $r fsck --strict --no-progress; git -C $r count-objects -v | grep -v '^size'; done
		git -C clone status --porcelain; git -C tree status --porcelain; git -C origin pull -q --ff-only ../bare.git main; git -C origin log -1 --format=%H; git -C bare.git log -1 --format=%H main`)
	// What holds times, inode numbers or the place's own path.
	p.sh(`rm -rf tree {clone,origin}/.git/{index,logs,FETCH_HEAD,worktrees} bare.git/config`)
}
