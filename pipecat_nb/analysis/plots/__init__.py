"""Charts of builds, drawn by matplotlib; this is the only place that imports it."""
