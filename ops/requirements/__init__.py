"""Which promise of the product which test holds, and how that test last ended.

`python -m ops.requirements` writes `docs/requirements.md` from `docs/requirements.toml`, the markers of the tests and
the recorded results. Doors: `promises.read`, `marked.collect`, `results.record`, `standing.standings`, `page.write`.
"""
