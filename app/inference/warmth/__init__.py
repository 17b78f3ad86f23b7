"""Which models are kept in memory where: planned from what is asked, and loaded before somebody has to wait.

Doors: `warming.Warmth`, `advice.Planned`.
"""
