"""From a YAML file to cells: validated, resolved against what is installed, content-hashed."""
