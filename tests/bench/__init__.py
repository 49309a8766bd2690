"""`./run_all.sh bench`: how fast everything is, each figure beside another that is measured in the same run.

Every measurement is a process of its own (`parts.run`), so that memory and caches do not mix. What other projects do
(`peer_*.py`) is measured in an environment of theirs, `data/bench/venv`, made on first use from requirements-peers.txt.
"""
