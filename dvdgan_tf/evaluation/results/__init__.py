"""What comes of the passes: scores with their spread, results as lines and tables, curves."""
