"""The only place that knows Jupyter: the panel and its parts."""
