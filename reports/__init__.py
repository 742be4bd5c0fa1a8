"""From the store to numbers, verdicts, figures and pages. Reads files only and never imports torch."""
