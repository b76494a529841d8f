"""`python -m bench` runs the standard set; `bench.load`, `bench.promises`, `bench.agent_footprint` ask single questions."""

from bench.standard import main

main()
