package transfer

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"time"

	"contentfs/meta"
)

// By is what a Survey counts by.
type By string

const (
	ByField    By = "field"
	ByScale    By = "scale"
	ByType     By = "type"
	BySize     By = "size"
	ByLocation By = "location"
)

// Ways lists all of them.
func Ways() []By { return []By{ByField, ByScale, ByType, BySize, ByLocation} }

// Group is one line of a survey.
type Group struct {
	Name  string `json:"name"`
	Files int64  `json:"files"`
	Bytes int64  `json:"bytes"`

	order int // of groups that have a natural one
}

// Survey counts files by field, scale, media type, size class and location.
type Survey struct {
	Total  Group
	groups map[By]map[string]*Group
}

// NewSurvey returns an empty survey.
func NewSurvey() *Survey {
	return &Survey{groups: make(map[By]map[string]*Group)}
}

// Count takes a file in.
func (s *Survey) Count(i *Item) {
	s.Total.Files++
	s.Total.Bytes += i.Version.Size
	a := &i.Address
	field, scale := a.Field, a.Scale
	switch {
	case a.UID == "" && a.Field == "":
		field, scale = "(no address)", "(no address)"
	case !a.Scaled:
		scale = "(original)"
	}
	class, order := SizeClass(i.Version.Size)
	s.add(ByField, field, 0, i)
	s.add(ByScale, scale, 0, i)
	s.add(ByType, i.Type, 0, i)
	s.add(BySize, class, order, i)
	s.add(ByLocation, location(i), 0, i)
}

func (s *Survey) add(by By, name string, order int, i *Item) {
	if s.groups[by] == nil {
		s.groups[by] = make(map[string]*Group)
	}
	g := s.groups[by][name]
	if g == nil {
		g = &Group{Name: name, order: order}
		s.groups[by][name] = g
	}
	g.Files++
	g.Bytes += i.Version.Size
}

// Groups returns the lines of one way to count: sizes in their order, the others
// with the most bytes first.
func (s *Survey) Groups(by By) []Group {
	list := make([]Group, 0, len(s.groups[by]))
	for _, name := range slices.Sorted(maps.Keys(s.groups[by])) {
		list = append(list, *s.groups[by][name])
	}
	slices.SortStableFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(b.Bytes, a.Bytes))
	})
	return list
}

// location says where a file's content is.
func location(i *Item) string {
	v := &i.Version
	place := ""
	if v.Local() {
		place = "here"
	}
	if v.Remote == meta.Stored {
		place = join(place, "S3")
	}
	if v.Fallback != nil {
		place = join(place, "fallback")
	}
	if place == "" {
		return "nowhere"
	}
	return place
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " and " + b
}

// SizeClass returns the power of four that a size lies below, from 1 KiB to 1 GiB.
func SizeClass(size int64) (name string, order int) {
	names := []string{"empty", "to 1 KiB", "to 4 KiB", "to 16 KiB", "to 64 KiB", "to 256 KiB", "to 1 MiB", "to 4 MiB",
		"to 16 MiB", "to 64 MiB", "to 256 MiB", "to 1 GiB", "over 1 GiB"}
	if size == 0 {
		return names[0], 0
	}
	log := bits.Len64(uint64(size - 1)) // the power of two that it does not pass
	order = min(max(0, (log-10+1)/2)+1, len(names)-1)
	return names[order], order
}

// Take counts what is selected and needs the move.
func (t *Tree) Take(ctx context.Context, s *Selection, needs func(*Item) bool) (*Survey, error) {
	survey, now := NewSurvey(), time.Now()
	var once linked
	err := t.Walk(ctx, s, func(i *Item) error {
		if s.Fits(i, now) && (needs == nil || needs(i)) && !once.met(i) {
			survey.Count(i)
		}
		return nil
	})
	return survey, err
}
