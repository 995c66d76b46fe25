"""A run of gradient ascent: its checked plan, its compiled step, and what each step gives."""
