"""Tuning: what the trials of an arm have shown, and the arm with the parameters that they chose."""
