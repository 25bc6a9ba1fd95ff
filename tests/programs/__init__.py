"""What the programs that tests start have in common; the programs lie beside their tests."""
