"""What the scheduler team knows: how requests are read, and rows of bookings. The doors are `reading` and `tools`."""
