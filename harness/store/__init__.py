"""The store: plain files on a shared disk, one writer per cell, written whole or not at all."""
