"""Nearest neighbours on CIFAR-10's classes: which k, how many images, what is hard."""
