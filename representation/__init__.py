"""Representations of a world: data, networks, objectives, the training loop, metrics and traversals."""
