package main_test

// acts returns all scenes, grouped by the volume that they need.
func acts() []act {
	return []act{startAct(), migrationAct(), writeAct(), recoverAct(), uploadAct(), partsAct(), fetchAct(),
		fallbackAct(), transferAct(), gcAct(), orphansAct(), importAct(),
		adoptAct(), copiesAct(), rebuildAct(), cureAct(), frozenAct(), overflowAct()}
}

// filled begins an act with some files.
func filled(n int) func(*theatre) error {
	return func(s *theatre) error {
		return s.once(func() error {
			for range n {
				if err := s.add(); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// wiped takes away all local files, so that content comes from S3.
func wiped(s *theatre) error {
	s.wipe()
	return nil
}
