"""Every unit of compute used, by phase, over all attempts."""
