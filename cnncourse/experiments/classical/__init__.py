"""Detection before deep learning."""
