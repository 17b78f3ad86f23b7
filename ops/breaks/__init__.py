"""Small wrong changes of the product, each of which must turn the tests red that it names.

`python -m ops.breaks` makes every break of `tests/breaks/*.toml` in a copy of the checkout. Doors: `listed.read`,
`listed.faults`, `tree.copied`, `making.make`.
"""
