"""Reports of a partition: JSON for programs; text, and the story of one node, for people."""

from byoc.report.explain import story_json as story_json
from byoc.report.explain import write_story as write_story
from byoc.report.json import report as report
from byoc.report.json import schema as schema
from byoc.report.page import console as console
from byoc.report.text import write_report as write_report

__all__ = ["console", "report", "schema", "story_json", "write_report", "write_story"]
