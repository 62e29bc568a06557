"""The benchmarks: one file a question. `make bench` runs them all; `python -m bench NAME …` some."""
