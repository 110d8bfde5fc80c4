"""What is on a screen as a file: CSV, JSON, Markdown, and the chart as SVG."""
