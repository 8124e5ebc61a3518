"""What a configuration will cost, told before anything is trained. Measured speed is in `benchmarks`."""
