"""Teams of agents: one module each, which exposes `TEAM`; adding one needs no change elsewhere."""
