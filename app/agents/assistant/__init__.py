"""What the assistant team is made of: how it answers which question, its guide, and a tenant's policies."""
