"""Orders from files: sorting a file into documents, writing them set-based, reconciling, undoing."""
