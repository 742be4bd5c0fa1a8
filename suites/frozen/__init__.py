"""The frozen items, one JSONL file per suite, and the manifest with their hashes. Written by `suites.freeze`."""
