"""Cells as Slurm jobs, through submitit."""
