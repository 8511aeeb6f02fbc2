"""``python -m fittingroom`` is the command ``fittingroom``; so is ``accelerate launch -m fittingroom``."""

from .cli import main

if __name__ == "__main__":
    main()
