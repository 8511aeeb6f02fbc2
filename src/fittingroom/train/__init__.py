"""The one training loop: any method's task, on a processor or on many GPUs, resumable to the bit."""
