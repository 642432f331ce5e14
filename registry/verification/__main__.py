"""Starts the process that `registry.verification.isolated` talks with: `python -I -B __main__.py FOLDERS NUMBERS…`."""

import sys

if __name__ == "__main__":
    # Nothing of the worker's surroundings is inherited, so it says where the code lies.
    sys.path[:0] = sys.argv[1].split(":")
    from registry.verification import child

    sys.exit(child.main(sys.argv[2:]))
