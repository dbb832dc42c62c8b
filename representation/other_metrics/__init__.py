"""Metrics of other things than codes and factors: several models, sequences, segmentations, images; one file each.

Each is a plain function that the file is named after::

    from unbraid.representation.other_metrics.ari import ari
    ari(true_segments, found_segments, foreground=True)
"""
