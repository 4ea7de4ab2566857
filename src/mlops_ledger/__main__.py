"""`python -m mlops_ledger` is the command `mlops-ledger`."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="mlops-ledger")
