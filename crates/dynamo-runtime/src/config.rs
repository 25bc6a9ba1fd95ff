//! Settings, from the environment or from code.
