"""What is measured: speed, memory and where the time goes."""
