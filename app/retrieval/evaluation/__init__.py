"""Whether retrieval finds what it should: golden questions, what counts as found, and the gate before a change."""
