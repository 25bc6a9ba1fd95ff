//! Metric and label names, in one place.
