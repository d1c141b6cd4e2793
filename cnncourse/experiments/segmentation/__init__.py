"""Segmentation networks on scenes."""
