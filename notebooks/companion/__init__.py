"""What the notebooks share around `adc`.

Imports go one way: paths, files, runs -> data, rivals -> registry, results -> experiments -> analysis
-> claims, figures -> use -> notebooks."""
