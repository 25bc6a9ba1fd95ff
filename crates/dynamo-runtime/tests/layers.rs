//! The order of the modules: each module uses only modules before it.
//!
//! The test reads every path in the source that starts with `crate` or leaves its module by `super`,
//! in `use` declarations, expressions, macros and test code alike.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules of the crate in their order. Place a new module here.
const ORDER: &[&str] = &[
    "choice",
    "sync",
    "system",
    "prometheus_names",
    "format",
    "metrics",
    "shared",
    "exposition",
    "health",
    "config",
    "callbacks",
    "engine",
    "server",
    "hierarchy",
    "binding",
    "fuzzing",
];

#[test]
fn every_module_of_the_crate_has_a_place_in_the_order() {
    let root = source().join("lib.rs");
    let tokens = tokens(&root);
    let declared: BTreeSet<String> = tokens
        .windows(3)
        .filter(|window| is_ident(&window[0], "mod") && is_punct(&window[2], ';'))
        .map(|window| window[1].to_string())
        .collect();
    let placed: BTreeSet<String> = ORDER.iter().map(|&module| module.to_owned()).collect();
    assert_eq!(declared, placed);
}

#[test]
fn every_module_uses_only_modules_before_it() {
    let mut files = Vec::new();
    collect_files(&source(), &mut files);
    let violations: Vec<String> = files
        .iter()
        .filter(|file| *file != Path::new("lib.rs"))
        .flat_map(|file| violations(file))
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn paths_are_found_in_every_form() {
    let used = |code: &str, depth| {
        let tokens = code.parse::<TokenStream>().unwrap();
        let mut used = Vec::new();
        find(tokens, depth, &mut used);
        used
    };
    assert_eq!(used("use crate::{a, b::{self, c}};", 1), ["a", "b"]);
    assert_eq!(used("fn f() { crate::a::b(); }", 1), ["a"]);
    assert_eq!(
        used("macro_rules! m { () => { $crate::a::b! {} } }", 1),
        ["a"]
    );
    assert_eq!(used("use super::a; use super::super::b;", 2), ["b"]);
    assert_eq!(used("use super::{a, super::{b, c}};", 2), ["b", "c"]);
    assert_eq!(
        used("mod tests { use super::*; use super::super::a; }", 1),
        ["a"]
    );
    assert_eq!(used("use super::*;", 1), ["*"]);
    assert_eq!(
        used("pub(crate) struct S; pub(super) fn f() {}", 1),
        [""; 0]
    );
    assert_eq!(
        used("#[doc = \"crate::a\"] struct S(crate::b::C);", 1),
        ["b"]
    );
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files below `folder`, relative to the source folder.
fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.strip_prefix(source()).unwrap().to_owned());
        }
    }
}

/// The uses of modules that are not before the module of `file`.
fn violations(file: &Path) -> Vec<String> {
    let module = module_path(file);
    let position = |name: &str| ORDER.iter().position(|&module| module == name);
    let own = position(&module[0]);
    let mut used = Vec::new();
    find(
        tokens(&source().join(file)).into_iter().collect(),
        module.len(),
        &mut used,
    );
    used.into_iter()
        .filter(|name| *name != module[0] && position(name).is_none_or(|at| Some(at) > own))
        .map(|name| format!("{} uses {name}", file.display()))
        .collect()
}

/// `metrics/vec/tests.rs` is `["metrics", "vec", "tests"]`, `metrics/mod.rs` is `["metrics"]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn tokens(file: &Path) -> Vec<TokenTree> {
    let text = fs::read_to_string(file).unwrap();
    text.parse::<TokenStream>().unwrap().into_iter().collect()
}

/// Adds the module below the crate's root that each path in `tokens` leads to. `depth` is the number of
/// names in the path of the module that contains the tokens.
fn find(tokens: TokenStream, depth: usize, used: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_ident(&tokens[at], "mod")
            && let Some(TokenTree::Group(body)) = tokens.get(at + 2)
        {
            find(body.stream(), depth + 1, used);
            at += 3;
        } else if is_ident(&tokens[at], "crate") || is_ident(&tokens[at], "super") {
            at = follow(&tokens, at, depth, used);
        } else {
            if let TokenTree::Group(group) = &tokens[at] {
                find(group.stream(), depth, used);
            }
            at += 1;
        }
    }
}

/// Follows the path that starts at `tokens[at]` in a module of this depth, up to the first name below the
/// crate's root. Returns the position after it.
fn follow(tokens: &[TokenTree], mut at: usize, mut depth: usize, used: &mut Vec<String>) -> usize {
    loop {
        match &tokens[at] {
            token if is_ident(token, "crate") => depth = 0,
            token if is_ident(token, "super") => depth = depth.saturating_sub(1),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let entries: Vec<TokenTree> = group.stream().into_iter().collect();
                for entry in entries.split(|token| is_punct(token, ',')) {
                    if !entry.is_empty() {
                        follow(entry, 0, depth, used);
                    }
                }
                return at + 1;
            }
            name => {
                if depth == 0 {
                    used.push(name.to_string());
                }
                return at + 1;
            }
        }
        let is_path = tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
            && tokens.get(at + 2).is_some_and(|token| is_punct(token, ':'));
        if !is_path || at + 3 >= tokens.len() {
            return at + 1;
        }
        at += 3;
    }
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}
