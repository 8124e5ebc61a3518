"""What training reads: records on disk, batches out of them, clips made on the fly. Making records is in `prepare`."""
