"""The geometric baseline: no weights, an honest lower bound."""
