"""What holds when connections drop, processes die and stores go away."""
