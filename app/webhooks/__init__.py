"""Webhooks: the end of a task, told to whom it names. The doors are `deliveries` and `secrets`."""
