"""Who may do what: tenants and api keys. Doors: `keys.Keys`, `tenants.Tenants`."""
