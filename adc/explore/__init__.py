"""What notebook 10 is made of: what it looks up in runs, what drove a list, training that is watched, the page's controls."""
