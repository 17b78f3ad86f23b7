"""How much model a call needs, and which model on which node may serve it.

Doors: `complexity.rate`, `placement.place`, `route_rows`.
"""
