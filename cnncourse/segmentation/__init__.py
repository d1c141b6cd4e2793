"""Semantic segmentation: upsampling, fully convolutional networks, and how they are measured."""
