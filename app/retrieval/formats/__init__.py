"""Readers of formats: bytes in, `Parts` out. Each runs in the throw-away process, and may be as wrong as its input."""
