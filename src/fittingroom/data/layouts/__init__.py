"""On-disk layouts of datasets, one file each."""
