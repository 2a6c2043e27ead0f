package meta

import (
	"crypto/sha256"
	"encoding/binary"
)

// Place is where a name stands in the listing of its directory. It depends on the
// name alone, so that a listing can go on behind any place, years later and by
// another process, whether or not the name that was there still is: what stayed is
// neither repeated nor left out. It is a hash and not the name's rank among the
// others, because it must fit into the 63 bits that programs have for a position.
type Place int64

// firstPlace is the least place of a name. What is below is for those who list
// entries of their own in front.
const firstPlace Place = 16

// placer gives names their places. Its seed is the volume's, so that nobody can
// choose names that share one.
type placer []byte

func (p placer) place(name []byte) Place {
	h := sha256.New()
	h.Write(p)
	h.Write(name)
	var sum [sha256.Size]byte
	return max(firstPlace, Place(binary.BigEndian.Uint64(h.Sum(sum[:0]))>>1))
}
