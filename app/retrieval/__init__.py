"""Documents in, passages out. Doors: `documents.Documents`, `search.Search`, `ingest.Ingest`, `jobs.Jobs`."""
