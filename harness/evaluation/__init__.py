"""Evaluation of a sealed checkpoint through lm-eval, in process: K samples per item, every one graded and recorded.

Importing this package imports neither torch nor lm_eval: `run` fetches them when an evaluation starts.
"""
