//! Writes `python/dynamo/prometheus_names.py` from `prometheus_names.rs`, the one source of names.
//!
//! `make names` writes it. With `--check`, which `make lint` uses, nothing is written: a file that
//! differs from what would be gives exit code 1. The functions that make names valid are kept here
//! in Python, in `sanitizers.py.in`, and held to the same table of cases as the Rust ones.

mod description;
mod python;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use source::Names;

const SOURCE: &str = "crates/dynamo-runtime/src/prometheus_names.rs";
const TARGET: &str = "python/dynamo/prometheus_names.py";

/// Why there is no file, or not the right one.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("unknown argument {0:?}: give none to write {TARGET}, or --check to compare it")]
    Argument(String),
    #[error("{path}: {reason}")]
    File {
        path: &'static str,
        reason: io::Error,
    },
    #[error("{SOURCE}: {0}")]
    Source(#[from] source::Error),
    #[error("{TARGET} is not what {SOURCE} gives: run `make names` and commit the file")]
    Differs,
}

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), Error> {
    let mut check = false;
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            _ => return Err(Error::Argument(argument)),
        }
    }
    let file = generate()?;
    if !check {
        return fs::write(in_workspace(TARGET), file).map_err(|reason| Error::File {
            path: TARGET,
            reason,
        });
    }
    if read(TARGET)? == file {
        Ok(())
    } else {
        Err(Error::Differs)
    }
}

/// The Python file.
fn generate() -> Result<String, Error> {
    Ok(python::render(&Names::parse(&read(SOURCE)?)?)?)
}

fn read(path: &'static str) -> Result<String, Error> {
    fs::read_to_string(in_workspace(path)).map_err(|reason| Error::File { path, reason })
}

fn in_workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_what_the_source_gives() {
        run(["--check".to_owned()].into_iter()).unwrap();
    }

    #[test]
    fn an_unknown_argument_is_refused_by_name() {
        let error = run(["--chekc".to_owned()].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown argument \"--chekc\": give none to write python/dynamo/prometheus_names.py, or --check to compare it"
        );
    }
}
