"""Correction by hand without a browser: what can be edited, the versioned store, the worst-first queue."""
