"""Reference pages that are written from the code: `python -m ops.docs`."""
