"""Charts: plotext behind one function that cannot fail, and small bars of eighth blocks."""
