package programs_test

// testEditors: each way of vim and Emacs to save, and to keep what was there.
func testEditors(p *place) {
	p.sh(`mkdir d; for f in plain backup copied nobackup link both auto; do seq 1 200 >$f.txt; chmod 640 $f.txt; chown 12:34 $f.txt; done
		ln link.txt d/hard; ln -s link.txt soft; ls -i >"$ASIDE/before"`)
	const vim = `edit() { vim -N -u NONE -i NONE -n -es "$@" '+%s/^1/one/e' '+$put ="added"' +wq </dev/null; }
		`
	p.sh(vim + `edit plain.txt; edit -c 'set backup' backup.txt; edit -c 'set writebackup backupcopy=yes' copied.txt; edit -c 'set nowritebackup' nobackup.txt
		edit -c 'set backupcopy=auto backup' soft; edit -c 'set backupcopy=no backup' both.txt; edit -c 'set backupcopy=auto,breakhardlink' d/hard; edit new.txt || true
		wc ./*.txt* d/*`)
	p.sh(`vim -N -u NONE -i NONE -es -c 'set directory=. swapfile fsync' '+%s/2/two/' '+preserve' '+!ls -A | grep swp >"$ASIDE/swaps"' +w! +qa! plain.txt </dev/null; cat "$ASIDE/swaps"; ls -A | grep swp || true`)
	p.sh(`vim -N -u NONE -i NONE -es -c 'set undofile undodir=.' '+1d' +wq backup.txt </dev/null; ls -A | grep un~; rm .*.un~`)
	const emacs = `edit() { local f=$1; shift; emacs -Q --batch "$@" --eval "(progn (find-file \"$f\") (goto-char (point-max)) (insert \"emacs\\n\") (save-buffer))" 2>&1; }
		`
	p.sh(emacs + `edit auto.txt; edit auto.txt; edit copied.txt --eval '(setq backup-by-copying t)'; edit link.txt --eval '(setq backup-by-copying-when-linked t)'
		edit both.txt --eval '(setq version-control t delete-old-versions t)'; edit fresh.txt; edit nobackup.txt --eval '(setq write-region-inhibit-fsync nil file-precious-flag t)'
		ls -A; wc ./*.txt*`)
	// Who is the same file as before, and who is a new one.
	p.sh(`while read -r i f; do [[ $(stat -c %i $f) == $i ]] && echo "$f is the same" || echo "$f is new"; done <"$ASIDE/before"`)
}
