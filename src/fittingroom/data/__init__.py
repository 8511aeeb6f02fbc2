"""Samples, datasets, pairs, checks and on-disk layouts."""

from .dataset import Dataset
from .sample import Category, Garment, Pair, Parse, Person, Sample

__all__ = ["Category", "Dataset", "Garment", "Pair", "Parse", "Person", "Sample"]
