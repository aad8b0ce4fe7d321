"""One module for each library; see `benchmarks.peers.work.Entrant` for what each offers."""
