"""YAML as people write it by hand: read as data, with the place of each part for errors."""

from jobs.plain_yaml.source import MOST_PROBLEMS, Location, Problem, YamlSource, refuse

__all__ = ["MOST_PROBLEMS", "Location", "Problem", "YamlSource", "refuse"]
