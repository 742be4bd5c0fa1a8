"""Training a cell: TRL's GRPOTrainer with a strategy in its loop, metered, sealed at shares of the budget."""
