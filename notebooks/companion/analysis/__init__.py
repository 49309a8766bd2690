"""What is read from run folders: Table II, Figs. 2 to 4, what each reading changes, the controls, the map."""
