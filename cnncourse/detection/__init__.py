"""Object detection: boxes, what is done with them, pooling over regions, and the detectors built on both."""
