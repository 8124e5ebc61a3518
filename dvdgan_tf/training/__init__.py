"""Training: the step, the loop around it, and what a run keeps. Networks and data arrive as arguments."""
