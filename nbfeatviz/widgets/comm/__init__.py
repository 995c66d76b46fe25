"""Between the page and the kernel: scripts for the page, and where its messages go."""
