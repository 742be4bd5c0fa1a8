"""Strategies and signals that let the model's own update directions say where to explore."""
