"""Reference pages and runbooks that are written from the code: `python -m ops.docs`."""
