"""What a run keeps on disk: checkpoints, logs, facts about its data, and the lock of who trains in it."""
