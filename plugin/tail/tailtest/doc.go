// Package tailtest tests implementations of [tail.Tailer], as testing/fstest does for file systems, and helps to test their users.
//
// [Run] proves that a tailer keeps the contract. [Fake] is a tailer whose logs are in memory and do what a test says.
package tailtest
