"""The closed sets and frozen values that every room speaks: what is asked, what comes back, and how it can go wrong."""
