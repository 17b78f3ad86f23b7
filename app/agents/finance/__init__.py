"""What the finance team knows of filings: which there are, what figures stand in them, how they are computed with."""
