"""A drill: whoever reads documents in is killed or frozen, and each document is indexed exactly once all the same.

`corpus` makes the documents, `places` says where PostgreSQL holds an ingestion, `stored` what must stand in every store
in the end, `drill` does one case with its blow, `series` all of them.
"""
