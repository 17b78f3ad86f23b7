"""What the insurance team knows: rows of customers, policies, bills and claims. The door is `rows`; `seed` fills it."""
