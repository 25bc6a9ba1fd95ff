//! Writes the Python file, laid out as `ruff format` would.

use crate::description::LINE;
use crate::source::{Constant, Error, Module, Names, Value};

const SANITIZERS: &str = include_str!("sanitizers.py.in");

const HEAD: &str = "\
# Generated from crates/dynamo-runtime/src/prometheus_names.rs by `make names`: change that file.
# ruff: noqa: N801
";

/// Follows the file's description.
const IMPORTS: &str = "\
Both ways to import them do::

    from dynamo import prometheus_names
    from dynamo.prometheus_names import frontend_service, work_handler
";

/// The file's text.
pub(crate) fn render(names: &Names) -> Result<String, Error> {
    for name in &names.functions {
        if !defines(name) {
            return Err(Error::Function { name: name.clone() });
        }
    }
    let root = &names.root;
    check_summary(root, 0)?;
    let mut out = HEAD.to_owned();
    out.push_str(&root.description.docstring(0, IMPORTS));
    out.push_str("\nimport re\nfrom typing import Final\n\n");
    out.push_str(&all(names));
    for module in &root.modules {
        out.push_str("\n\n");
        class(module, &mut out)?;
    }
    // After the classes, because Python looks their members up at once.
    out.push_str("\n\n");
    for constant in &root.constants {
        assignment(constant, 0, &mut out);
        out.push('\n');
    }
    out.push('\n');
    out.push_str(SANITIZERS);
    Ok(out)
}

fn defines(function: &str) -> bool {
    let definition = format!("def {function}(");
    SANITIZERS.lines().any(|line| line.starts_with(&definition))
}

/// `__all__`, sorted as ruff wants it: constants, then the rest.
fn all(names: &Names) -> String {
    let mut constants: Vec<&str> = names
        .root
        .constants
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    let classes = names.root.modules.iter().map(Module::name);
    let functions = names.functions.iter().map(String::as_str);
    let mut others: Vec<&str> = classes.chain(functions).collect();
    constants.sort_unstable();
    others.sort_unstable();
    let lines = constants.iter().chain(&others);
    let lines: String = lines.map(|name| format!("    \"{name}\",\n")).collect();
    format!("__all__ = [\n{lines}]\n")
}

fn class(module: &Module, out: &mut String) -> Result<(), Error> {
    let indent = 4 * module.path.len();
    check_summary(module, indent)?;
    let margin = " ".repeat(indent - 4);
    out.push_str(&format!("{margin}class {}:\n", module.name()));
    out.push_str(&module.description.docstring(indent, ""));
    for constant in &module.constants {
        out.push('\n');
        assignment(constant, indent, out);
    }
    for module in &module.modules {
        out.push('\n');
        class(module, out)?;
    }
    Ok(())
}

/// The constant, and below it the string that editors show as its description.
fn assignment(constant: &Constant, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    let name = &constant.name;
    match &constant.value {
        Value::Text(text) => {
            let line = format!("{margin}{name}: Final = \"{text}\"\n");
            if line.len() - 1 <= LINE {
                out.push_str(&line);
            } else {
                out.push_str(&format!(
                    "{margin}{name}: Final = (\n{margin}    \"{text}\"\n{margin})\n"
                ));
            }
        }
        Value::List(paths) => {
            let line = |path: &Vec<String>| format!("{margin}    {},\n", path.join("."));
            let lines: String = paths.iter().map(line).collect();
            out.push_str(&format!("{margin}{name}: Final = (\n{lines}{margin})\n"));
        }
    }
    out.push_str(&constant.description.docstring(indent, ""));
}

/// A class's first paragraph stands on one line.
fn check_summary(module: &Module, indent: usize) -> Result<(), Error> {
    let (length, limit) = (
        module.description.summary().len(),
        module.description.summary_limit(indent),
    );
    if length <= limit {
        return Ok(());
    }
    Err(Error::Summary {
        name: module.path.join("::"),
        length,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(body: &str) -> Result<String, Error> {
        render(&Names::parse(&format!("//! Names.\n{body}"))?)
    }

    #[test]
    fn nested_modules_become_nested_classes() {
        let file = rendered(
            "/// A.\npub mod a {\n/// X.\npub const X: &str = \"x\";\n/// B.\npub mod b {\n/// Y.\npub const Y: &str = \"y\";\n}\n}",
        )
        .unwrap();
        let classes = "\n\nclass a:\n    \"\"\"A.\"\"\"\n\n    X: Final = \"x\"\n    \"\"\"X.\"\"\"\n\n    class b:\n        \"\"\"B.\"\"\"\n\n        Y: Final = \"y\"\n        \"\"\"Y.\"\"\"\n\n\n";
        assert!(file.contains(classes), "{file}");
    }

    #[test]
    fn lists_become_tuples_after_all_classes() {
        let file = rendered(
            "/// All.\npub const ALL: &[&str] = &[a::X];\n/// A.\npub mod a { /// X.\npub const X: &str = \"x\"; }",
        )
        .unwrap();
        let tuple = file.find("\nALL: Final = (\n    a.X,\n)\n\"\"\"All.\"\"\"\n");
        assert!(tuple > file.find("class a:"), "{file}");
        assert!(
            file.contains("__all__ = [\n    \"ALL\",\n    \"a\",\n]\n"),
            "{file}"
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_put_in_parentheses() {
        let value = "x".repeat(90);
        let file = rendered(&format!(
            "/// A.\npub mod a {{ /// X.\npub const X: &str = \"{value}\"; }}"
        ))
        .unwrap();
        assert!(
            file.contains(&format!("    X: Final = (\n        \"{value}\"\n    )\n")),
            "{file}"
        );
    }

    #[test]
    fn a_function_without_a_python_form_is_refused_by_name() {
        let name = "sanitize_units".to_owned();
        let source = "mod s;\npub use s::{sanitize_prometheus_name, sanitize_units};";
        assert_eq!(rendered(source), Err(Error::Function { name }));
    }

    #[test]
    fn a_class_summary_that_does_not_fit_is_refused_with_its_limit() {
        let summary = "s".repeat(91);
        let source = format!("/// {summary}\npub mod a {{}}");
        let error = Error::Summary {
            name: "a".to_owned(),
            length: 91,
            limit: 90,
        };
        assert_eq!(rendered(&source), Err(error));
    }
}
