"""Which nodes and models there are, and how each node does.

Doors: `catalogue.read_catalogue`, `nodes.Fleet`, `node_rows.NodeRows`.
"""
