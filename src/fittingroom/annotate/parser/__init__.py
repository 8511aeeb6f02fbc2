"""The small human parser of our own: classes, inputs, network, annotator. Its training is ``methods/parser_training.py``."""
