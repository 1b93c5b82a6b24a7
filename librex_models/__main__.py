"""``python -m librex_models``: the command ``librex``."""

from librex_models.cli import main

if __name__ == "__main__":
    main()
