"""Runs what is too long for CI, and writes what it found to docs/evidence."""
