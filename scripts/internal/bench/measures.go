package main

// measure is one line of the table.
type measure struct {
	name string // as on the command line
	what string
	unit string // of the figures of both sides

	family     string // chooses all of its measures on the command line
	durability string // of the mount; "" is strict
	rounds     int    // 0: as many as are asked for

	// least is the ratio that must be reached, most the figure of the mount that
	// must not be passed. 0: no target.
	least, most float64

	// run takes the measure; compare takes one that has two sides.
	run func(*bench, measure) (result, error)

	// prepare makes what one side's rounds need, round is one round and returns
	// its figure, in unit.
	prepare func(side) error
	round   func(side) (float64, error)
	writes  bool // rounds begin with nothing of what earlier ones wrote in memory
	cold    bool // rounds begin with nothing at all in memory
}

// Families of measures.
const (
	contents = "content"
	names    = "names"
)

// roundsOf returns how often the measure runs.
func (m *measure) roundsOf(b *bench) int {
	if m.rounds > 0 {
		return m.rounds
	}
	return b.rounds
}

const (
	large = 512 << 20 // bytes of the large file
	small = 100 << 10 // bytes of each small file
)

// measures returns all of them, in the order in which they run.
func measures() []measure { return append(contentMeasures(), nameMeasures()...) }

// contentMeasures are of reading and writing files.
func contentMeasures() []measure {
	list := []measure{
		{
			name: "read", what: "read a local file of 512 MiB from begin to end", unit: "MiB/s", least: 0.95,
			run: compare, prepare: prepareLarge, round: readLarge,
		},
		{
			name: "random", what: "read 4 KiB at random places of it", unit: "1/s", least: 0.9,
			run: compare, prepare: prepareLarge, round: readRandom,
		},
		{
			name: "write", what: "write a file of 512 MiB, not yet closed", unit: "MiB/s", least: 0.9,
			run: compare, round: writeLarge, writes: true,
		},
		{
			name: "write-close", what: "the same, to the end of close (plain: fsync)", unit: "MiB/s", least: 0.9,
			run: compare, round: writeLargeClosed, writes: true,
		},
		{
			name: "create", what: "create, write 100 KiB, close (plain: fsync both)", unit: "1/s", least: 0.5,
			run: compare, round: createBy(1), writes: true,
		},
		{
			name: "create8", what: "the same by 8 threads", unit: "1/s", least: 1,
			run: compare, round: createBy(8), writes: true,
		},
		{
			name: "open", what: "open, read and close a local file of 100 KiB", unit: "1/s",
			run: compare, prepare: prepareSmall, round: openSmall,
		},
		{
			name: "stat", what: "stat of a known file", unit: "1/s",
			run: compare, prepare: prepareSmall, round: statSmall,
		},
		{
			name: "memory", what: "resident memory after making and walking 100,000 files", unit: "MiB", most: 60,
			run: memory,
		},
	}
	for i := range list {
		list[i].family = contents
	}
	return list
}
