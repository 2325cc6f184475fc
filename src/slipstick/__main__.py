"""`python -m slipstick` and `slipstick`: the command line."""


def main() -> None:
    """Imports the command line, which takes a moment, and calls it; Ctrl-C in that moment ends without a traceback."""
    try:
        from slipstick import cli
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    cli.main()


if __name__ == "__main__":
    main()
