"""Own datasets: annotators, each behind one small protocol, and the staged, resumable runner that uses them."""
