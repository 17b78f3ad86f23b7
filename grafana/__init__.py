"""What is watched: dashboards, their data sources, and the way of the logs."""
