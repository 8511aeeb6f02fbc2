"""Weights: what exists, where it comes from, and how a foreign file becomes ours."""
