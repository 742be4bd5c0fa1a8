"""What a strategy is, and all of them. Pure tensor code: imports torch, and nothing of ours."""
