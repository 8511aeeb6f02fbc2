"""Try-on methods: what one is, the registry, and a folder for each."""
