"""Attacks that reconstruct sentences from the gradients of language models and text classifiers."""
