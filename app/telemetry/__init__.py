"""What operators see. Doors: `metrics.Metrics`, `logs.configure`."""
