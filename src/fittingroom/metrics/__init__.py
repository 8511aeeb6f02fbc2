"""Metrics: pure functions, the backbones they look through, and one engine that decodes and embeds each picture once."""
