"""One module for each part of the local stack."""
