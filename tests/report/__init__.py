"""The bundles of `joytui report`."""
