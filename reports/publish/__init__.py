"""A site of many runs: an index over all of them, a page per run and a page per strategy; nothing is lost or mixed."""

from __future__ import annotations

from reports.publish.links import broken_links
from reports.publish.site import Published, publish

__all__ = ["Published", "broken_links", "publish"]
