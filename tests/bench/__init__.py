"""`./run_all.sh bench`: how fast everything is, each number beside another that is measured in the same call.

Every measurement is a process of its own (`processes.run`), so that memory and caches do not mix. Other
projects (`peer_*.py`) run in an environment of theirs, `data/bench/venv`, made from requirements-peers.txt.
"""
