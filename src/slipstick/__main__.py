"""`python -m slipstick`: the command line."""

from slipstick.cli import main

if __name__ == "__main__":
    main()
