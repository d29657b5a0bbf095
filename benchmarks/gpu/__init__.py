"""What only a GPU can show: `make check-gpu`."""
