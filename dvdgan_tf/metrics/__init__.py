"""Scores as formulas over features, and the networks that give the features. Protocols are in `evaluation`."""
