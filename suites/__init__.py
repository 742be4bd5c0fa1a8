"""Fixed reasoning suites and training tasks. Imports nothing of ours."""
