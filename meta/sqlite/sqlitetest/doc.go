// Package sqlitetest stages faults of the disk under a database: what SQLite would say
// of them, and what they would leave behind. It is for tests of those who use a store.
package sqlitetest
