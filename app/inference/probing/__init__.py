"""Looks at nodes, and calls that the platform makes of itself.

Doors: `probe.Probe`, `proving.Prover`.
"""
