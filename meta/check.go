package meta

import (
	"context"
	"errors"
	"fmt"
)

// rule is an invariant: a query that finds what violates it, as one text column
// per case, and what that is called.
type rule struct {
	violation string
	query     string
}

// What is said about one rule is bounded.
const (
	caseLimit = 20
	someCases = ` LIMIT 20`
)

var rules = []rule{
	{"the root is not a directory", `
		SELECT 'node 1' WHERE NOT EXISTS (SELECT 1 FROM node WHERE ino = 1 AND mode & 61440 = 16384 AND nlink >= 2)`},
	{"a current version does not exist, or belongs to another node", `
		SELECT 'node ' || n.ino FROM node n WHERE n.version <> 0
		AND NOT EXISTS (SELECT 1 FROM version v WHERE v.id = n.version AND v.ino = n.ino)`},
	{"a node that is no regular file has a version", `
		SELECT 'node ' || ino FROM node WHERE version <> 0 AND mode & 61440 <> 32768`},
	{"the current version of a node with a name is retired", `
		SELECT 'node ' || n.ino FROM node n JOIN version v ON v.id = n.version WHERE n.nlink > 0 AND v.retired <> 0`},
	{"the version of a node without a name is not retired", `
		SELECT 'node ' || n.ino FROM node n JOIN version v ON v.id = n.version WHERE n.nlink = 0 AND v.retired = 0`},
	{"a version is neither current nor retired", `
		SELECT 'version ' || v.id FROM version v WHERE v.retired = 0
		AND NOT EXISTS (SELECT 1 FROM node n WHERE n.ino = v.ino AND n.version = v.id)`},
	{"a local file is recorded more than once", `
		SELECT 'file ' || file FROM (
			SELECT file FROM version WHERE file IS NOT NULL UNION ALL SELECT file FROM draft
			UNION ALL SELECT file FROM trash UNION ALL SELECT file FROM quarantine) AS f
		GROUP BY file HAVING count(*) > 1`},
	{"a current version is nowhere", `
		SELECT 'version ' || id FROM version
		WHERE retired = 0 AND remote <> 2 AND fallback IS NULL AND file IS NULL AND lost IS NULL`},
	{"a current version is only here and not queued", `
		SELECT 'version ' || v.id FROM version v
		WHERE v.retired = 0 AND v.remote <> 2 AND v.fallback IS NULL AND v.lost IS NULL
		AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.version = v.id)`},
	{"a queued version is retired, or where it is to go", `
		SELECT 'version ' || v.id FROM upload u JOIN version v ON v.id = u.version
		WHERE v.retired <> 0 OR u.goal IN (0, 1) AND v.remote = 2 OR u.goal = 3 AND v.remote <> 2`},
	{"a stray file of the fallback belongs to a version", `
		SELECT 'version ' || v.id FROM stray s JOIN version v ON v.fallback = s.path`},
	{"a version has a key and was not sent, or the other way round", `
		SELECT 'version ' || id FROM version WHERE (remote = 0) <> (key = '')`},
	{"a key of a version is among the lost", `
		SELECT 'version ' || v.id FROM lost_object o JOIN version v ON v.key = o.key AND v.bucket = o.bucket AND v.key <> ''`},
	{"a retired version is nowhere and its node is gone", `
		SELECT 'version ' || v.id FROM version v
		WHERE v.retired <> 0 AND v.remote = 0 AND v.file IS NULL AND v.fallback IS NULL AND v.lost IS NULL
		AND NOT EXISTS (SELECT 1 FROM node n WHERE n.ino = v.ino)`},
	{"the number of links is not the number of names", `
		SELECT 'node ' || n.ino FROM node n WHERE n.mode & 61440 <> 16384
		AND n.nlink <> (SELECT count(*) FROM name e WHERE e.ino = n.ino)`},
	{"the number of links of a directory is not 2 and its subdirectories", `
		SELECT 'node ' || n.ino FROM node n WHERE n.mode & 61440 = 16384 AND n.nlink <>
			CASE WHEN n.ino = 1 OR EXISTS (SELECT 1 FROM name e WHERE e.ino = n.ino)
			THEN 2 + (SELECT count(*) FROM name e JOIN node c ON c.ino = e.ino WHERE e.parent = n.ino AND c.mode & 61440 = 16384)
			ELSE 0 END`},
	{"a directory has names in it and none itself", `
		SELECT 'node ' || n.ino FROM node n WHERE n.mode & 61440 = 16384 AND n.nlink = 0
		AND EXISTS (SELECT 1 FROM name e WHERE e.parent = n.ino)`},
	{"a name is in something that is no directory", `
		SELECT 'node ' || n.ino FROM node n WHERE n.mode & 61440 <> 16384
		AND EXISTS (SELECT 1 FROM name e WHERE e.parent = n.ino)`},
	{"a directory has two names, or is bound elsewhere than it says", `
		SELECT 'node ' || n.ino FROM node n WHERE n.mode & 61440 = 16384 AND n.nlink > 0 AND n.ino <> 1
		AND (SELECT count(*) FROM name e WHERE e.ino = n.ino AND e.parent = n.parent) <>
			(SELECT count(*) FROM name e WHERE e.ino = n.ino)
		UNION ALL
		SELECT 'node ' || e.ino FROM name e JOIN node n ON n.ino = e.ino WHERE n.mode & 61440 = 16384
		GROUP BY e.ino HAVING count(*) > 1`},
	{"what is still to be taken in is no directory with a name", `
		SELECT 'node ' || ino FROM node WHERE origin IS NOT NULL AND (mode & 61440 <> 16384 OR nlink < 2)`},
	{"a directory of the fallback is to be taken in twice", `
		SELECT 'origin ' || hex(origin) FROM node WHERE origin IS NOT NULL GROUP BY origin HAVING count(*) > 1`},
	{"a node that is no directory has a parent", `
		SELECT 'node ' || ino FROM node WHERE mode & 61440 <> 16384 AND parent <> 0`},
	{"a directory cannot be reached from the root", `
		WITH RECURSIVE tree (ino) AS (
			SELECT 1 UNION
			SELECT e.ino FROM tree JOIN name e ON e.parent = tree.ino JOIN node n ON n.ino = e.ino WHERE n.mode & 61440 = 16384
		)
		SELECT 'node ' || ino FROM node WHERE mode & 61440 = 16384 AND nlink > 0 AND ino NOT IN (SELECT ino FROM tree)`},
	{"the size of a symlink is not its target's", `
		SELECT 'node ' || ino FROM node WHERE mode & 61440 = 40960 AND (target IS NULL OR size <> length(target))`},
	{"a draft belongs to no node, or to one that is no regular file", `
		SELECT 'draft ' || d.file FROM draft d
		WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.ino = d.ino AND n.mode & 61440 = 32768)`},
	{"a number was given out that is not counted", `
		SELECT 'counter ' || c.id FROM counter c WHERE c.last_ino < (SELECT max(ino) FROM node)
		OR c.last_version < (SELECT coalesce(max(id), 0) FROM version)`},
}

// Check verifies the database itself and every invariant of the package's
// documentation. It returns a sentence for each violation; none is what there
// should be. It reads everything, at one moment, and keeps the log from being
// emptied meanwhile. The error is of the reading.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var found []string
	err := s.read.view(ctx, func(q source) error {
		for _, query := range s.dialect.Verify {
			complaints, err := all(q, scanText, query)
			if err != nil {
				return err
			}
			for _, text := range complaints {
				if text != "ok" {
					found = append(found, "The database: "+text+".")
				}
			}
		}
		for _, r := range rules {
			if err := ctx.Err(); err != nil {
				return err
			}
			cases, err := all(q, scanText, r.query+someCases)
			if err != nil {
				return fmt.Errorf("%s: %w", r.violation, err)
			}
			for _, what := range cases {
				found = append(found, fmt.Sprintf("%s: %s.", what, r.violation))
			}
		}
		misplaced, err := checkPlaces(ctx, q)
		found = append(found, misplaced...)
		return err
	})
	return found, opErr("check", err)
}

// checkPlaces finds names that cannot be, and names that are not where they are looked for.
func checkPlaces(ctx context.Context, q source) (found []string, err error) {
	rows, err := q.query(`SELECT parent, place, name FROM name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() && ctx.Err() == nil && len(found) < caseLimit {
		var parent, place int64
		var name []byte
		if err := rows.Scan(&parent, &place, &name); err != nil {
			return nil, err
		}
		if checkName(name) != nil {
			found = append(found, fmt.Sprintf("name %q in node %d: no file can be called that.", name, parent))
			continue
		}
		if q.place(name) != Place(place) {
			found = append(found, fmt.Sprintf("name %q in node %d: a name is at the place of another.", name, parent))
		}
	}
	return found, errors.Join(rows.Err(), ctx.Err())
}

func scanText(row scanner) (string, error) {
	var text string
	err := row.Scan(&text)
	return text, err
}
