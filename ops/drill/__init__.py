"""Drills: parts of a running stack are ended, and what was promised is held against what happened."""
