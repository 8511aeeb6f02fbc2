"""The embedded dataset ``drawn-mini``: drawn people in drawn garments, with every annotation and the true try-on pictures.

It is drawn by code on first use, into the cache, so that the package carries no pictures and everything runs offline.
"""

from .write import NAME, ensure

__all__ = ["NAME", "ensure"]
