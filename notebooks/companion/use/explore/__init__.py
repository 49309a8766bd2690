"""Notebook 10: what it reads of runs, what drove a list, its tables, pictures and controls."""
