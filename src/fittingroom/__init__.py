"""fittingroom: a workbench for image-based virtual try-on."""

__version__ = "0.1.0"
