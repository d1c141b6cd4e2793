"""Proposals and detectors on scenes."""
