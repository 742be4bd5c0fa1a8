"""Plan to cells to training to evaluation to records: owns the store and the ledger."""
