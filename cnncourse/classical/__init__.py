"""Detection before deep learning: hand-made features, templates and proposals."""
