"""Procedural skills: problems drawn from a generator, with worked solutions and graders that check the steps."""
