//! Metrics for the components of an LLM-serving system.

mod config;
mod health;
pub mod prometheus_names;
mod server;
mod sync;
