"""Editions: the index as one embedding model makes it. One serves, another may be beside it."""
