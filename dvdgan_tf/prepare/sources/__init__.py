"""Where clips come from: the layouts that data sets have on disk, each listed without reading frames."""
