"""Feature networks with their preprocessing, and how their published weights are read."""
