"""What a trained network sees: its filters, what its layers respond to, and what in an image made them respond.

Figures of it are in `cnncourse.visualize`.
"""
