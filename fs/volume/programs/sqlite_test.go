package programs_test

// testSQLite: several processes write at a time, with a rollback journal and with a
// log, which all of them map as shared memory.
func testSQLite(p *place) {
	for _, mode := range []string{"delete", "wal"} {
		p.sh(`sqlite3 $1.db "PRAGMA journal_mode=$1; CREATE TABLE t(worker, n); CREATE INDEX i ON t(n, worker)"
			# As long as this one reads, the last writer to close does not take the log away.
			exec 5> >(exec sqlite3 -cmd '.timeout 60000' $1.db >"$ASIDE/reader"); reader=$!; echo "SELECT count(*) >= 0 FROM t;" >&5
			for w in 1 2 3 4; do
				(for n in {1..6}; do sqlite3 -cmd '.timeout 60000' $1.db "INSERT INTO t VALUES($w, $n)"; done) &
				pids+=($!)
			done
			for pid in "${pids[@]}"; do wait "$pid"; done
			echo "SELECT count(*), sum(n) FROM t;" >&5; exec 5>&-; wait $reader; cat "$ASIDE/reader"
			sqlite3 $1.db "PRAGMA integrity_check; SELECT worker, count(*), sum(n) FROM t GROUP BY worker; PRAGMA journal_mode"`, mode)
	}
	// A writer is killed in the middle: who opens the database next rolls back.
	for _, mode := range []string{"delete", "wal"} {
		out, _ := p.quiet(`(echo "PRAGMA cache_size=2; PRAGMA cache_spill=2; BEGIN; INSERT INTO t SELECT value, randomblob(500) FROM generate_series(1, 2000);
			SELECT 'in the middle';
			.shell kill -9 \$PPID" | sed 's/^\t*//' | sqlite3 $1.db) 2>/dev/null`, mode)
		p.say(out)
		p.sh(`ls -A | grep "^$1.db"; sqlite3 $1.db "PRAGMA integrity_check; SELECT count(*), sum(n) FROM t"; ls -A | grep "^$1.db"`, mode)
	}
	p.sh(`sqlite3 delete.db "VACUUM INTO 'copy.db'" ".backup backup.db"; sqlite3 copy.db "PRAGMA integrity_check; SELECT count(*) FROM t"; sqlite3 backup.db "PRAGMA quick_check; VACUUM"`)
	p.inS3("delete.db", "copy.db")
	p.sh(`sqlite3 delete.db "SELECT count(*) FROM t; DELETE FROM t WHERE n > 2; SELECT count(*) FROM t"`)
	// The order of the workers' rows differs each time.
	p.sh(`rm -- *.db*; sqlite3 alone.db "PRAGMA page_size=1024; CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(300000)); DROP TABLE t; VACUUM; CREATE TABLE u AS SELECT 1 AS a"`)
}
