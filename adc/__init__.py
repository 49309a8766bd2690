"""Adaptive Deep Learning of Cross-Domain Loss in Collaborative Filtering (ADC), rebuilt."""

__version__ = "0.1.0"
