// Package e2e holds the tests that need everything together: they build and run the real programs. Nothing imports it.
package e2e
