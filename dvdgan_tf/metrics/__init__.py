"""How good the clips are: networks, statistics, scores and named protocols."""
