"""What computes in the background: threads, runs, tasks and who has its turn."""
