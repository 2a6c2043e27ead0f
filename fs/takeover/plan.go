package takeover

import (
	"fmt"
	"strings"

	"contentfs/meta"
)

// maxGroup is how many objects of one uid are looked at together.
const maxGroup = 20000

// addon reads the keys of collective.contentfiles2aws, uid by uid: a listing has the
// objects of one uid behind each other.
func (p *planner) addon() error {
	scales := append(Scales(), p.Scales...)
	var group []addonObject
	var of string
	for i := range p.objects {
		o := &p.objects[i]
		uid, rest, ok := splitAddonKey(o.name)
		if !ok {
			p.leave(o, NotUnderstood, "not a key of collective.contentfiles2aws")
			continue
		}
		if uid != of {
			if err := p.uid(of, group); err != nil {
				return err
			}
			of, group = uid, nil
		}
		if len(group) >= maxGroup {
			p.leave(o, NotUnderstood, "too many objects of one item")
			continue
		}
		group = append(group, addonObject{object: o, candidates: readings(rest, scales)})
	}
	return p.uid(of, group)
}

// uid decides about the objects of one uid.
func (p *planner) uid(uid string, group []addonObject) error {
	if len(group) == 0 {
		return nil
	}
	fields, err := p.fieldsOf(uid)
	if err != nil {
		return err
	}
	resolve(group, fields)
	for i := range group {
		a := &group[i]
		switch {
		case len(a.candidates) == 0:
			p.leave(a.object, NotUnderstood, "no field and filename in it")
		case len(a.consistent) == 1:
			p.take(a.object, "/"+uid+"/"+a.consistent[0].String())
		case len(a.consistent) == 0:
			p.leave(a.object, Ambiguous, "no field in it is known", texts(uid, a.candidates)...)
		default:
			p.leave(a.object, Ambiguous, "it can be read in more than one way", texts(uid, a.consistent)...)
		}
	}
	return nil
}

func texts(uid string, list []reading) (out []string) {
	for _, r := range list[:min(len(list), 8)] {
		out = append(out, "/"+uid+"/"+r.String())
	}
	return out
}

// fieldsOf returns the fields that are known of an item: the usual ones, those of the
// command line, and those that it has in the tree.
func (p *planner) fieldsOf(uid string) ([]string, error) {
	fields := append(Fields(), p.Fields...)
	n, err := p.Meta.Resolve([]byte("/" + uid))
	if err != nil || !n.IsDir() {
		return fields, ignoreAbsence(err)
	}
	err = p.Meta.List(n.Ino, 0, func(e *meta.Entry) bool {
		if e.Node.IsDir() {
			fields = append(fields, string(e.Name))
		}
		return len(fields) < 1000
	})
	return fields, err
}

// paths takes keys as paths.
func (p *planner) paths() {
	for i := range p.objects {
		o := &p.objects[i]
		switch {
		case strings.HasSuffix(o.name, "/"):
			p.leave(o, NotUnderstood, "a marker of a directory, not a file")
		case !isPath(o.name):
			p.leave(o, NotUnderstood, "no path: a name is empty, \".\", \"..\" or longer than 255 bytes")
		default:
			p.take(o, "/"+o.name)
		}
	}
}

// settle leaves one object for each path, and none for a path that another needs as a
// directory.
func (p *planner) settle() {
	best := make(map[string]int, len(p.plan.Files)) // by path: the newest
	tied := make(map[string]bool)
	dirs := make(map[string]bool)
	for i := range p.plan.Files {
		f := &p.plan.Files[i]
		path := string(f.Path)
		if j, ok := best[path]; !ok || f.Mtime > p.plan.Files[j].Mtime {
			best[path], tied[path] = i, false
		} else if f.Mtime == p.plan.Files[j].Mtime {
			tied[path] = true
		}
		for at := strings.LastIndexByte(path, '/'); at > 0; at = strings.LastIndexByte(path[:at], '/') {
			if dirs[path[:at]] {
				break
			}
			dirs[path[:at]] = true
		}
	}
	kept := p.plan.Files[:0:0]
	for i := range p.plan.Files {
		f := &p.plan.Files[i]
		path := string(f.Path)
		o := &object{key: f.Key}
		switch {
		case dirs[path]:
			p.leave(o, Conflict, fmt.Sprintf("%s would be a file and a directory", path))
		case tied[path] && f.Mtime == p.plan.Files[best[path]].Mtime:
			p.leave(o, Conflict, fmt.Sprintf("another object for %s is as new", path))
		case best[path] != i:
			p.leave(o, Conflict, fmt.Sprintf("there is a newer object for %s", path))
		default:
			kept = append(kept, *f)
		}
	}
	p.plan.Files = kept
}
