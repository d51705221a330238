//! A lock-free single-producer single-consumer ring between two processes.
