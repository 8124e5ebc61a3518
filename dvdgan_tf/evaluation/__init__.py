"""Named protocols, and the passes over real and generated clips that score a model. Formulas are in `metrics`."""
