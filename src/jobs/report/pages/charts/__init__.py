"""The report's pictures, drawn by matplotlib as SVG: the one place that draws."""
