//! Reads the constants, with their descriptions, out of the Rust file.
//!
//! What is public there must have a form in Python: anything else is an error, so that nothing is
//! left out unseen.

use syn::{
    Attribute, Expr, ExprLit, File, Item, ItemConst, ItemMod, Lit, Meta, UseTree, Visibility,
};

use crate::description::Description;

/// Why a public item cannot be carried over.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Error {
    /// The file does not parse.
    #[error("not valid Rust: {0}")]
    Syntax(String),
    /// Something other than a constant, a module or a re-export.
    #[error(
        "{item} has no form in Python: public are text constants, lists of them, modules with a body and re-exports"
    )]
    Item {
        /// Where and what it is.
        item: String,
    },
    /// A constant whose value this program would have to compute.
    #[error(
        "the value of {name} has no form in Python: write one literal of printable ASCII, or a list of paths like &[module::CONSTANT]"
    )]
    Value {
        /// The constant's path.
        name: String,
    },
    /// A constant or module without a `///` line.
    #[error("{name} has no description: say in a /// line what it is")]
    Undocumented {
        /// Its path.
        name: String,
    },
    /// A module's first paragraph does not fit the one line that Python's docstrings have for it.
    #[error(
        "the first paragraph of {name}'s description has {length} characters, Python's line takes {limit}: shorten it, or go on in a second paragraph"
    )]
    Summary {
        /// The module's path.
        name: String,
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A re-exported function that `sanitizers.py.in` does not have.
    #[error(
        "the function {name} has no Python form: write one in crates/dynamo-codegen/src/sanitizers.py.in"
    )]
    Function {
        /// The function's name.
        name: String,
    },
}

/// A module of constants, or the file itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Module {
    /// The names from the file down to it; none for the file itself.
    pub(crate) path: Vec<String>,
    pub(crate) description: Description,
    pub(crate) constants: Vec<Constant>,
    pub(crate) modules: Vec<Module>,
}

/// A constant text.
#[derive(Debug, PartialEq)]
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) description: Description,
    pub(crate) value: Value,
}

/// What a constant is.
#[derive(Debug, PartialEq)]
pub(crate) enum Value {
    /// One text.
    Text(String),
    /// A list of other constants, by their paths.
    List(Vec<Vec<String>>),
}

/// All that the file makes public.
#[derive(Debug, PartialEq)]
pub(crate) struct Names {
    pub(crate) root: Module,
    /// The functions it re-exports. Those it defines itself serve Rust's types only.
    pub(crate) functions: Vec<String>,
}

impl Names {
    pub(crate) fn parse(source: &str) -> Result<Self, Error> {
        let File { attrs, items, .. } =
            syn::parse_file(source).map_err(|error| Error::Syntax(error.to_string()))?;
        let functions = items
            .iter()
            .filter_map(|item| match item {
                Item::Use(item) if is_public(&item.vis) => Some(&item.tree),
                _ => None,
            })
            .flat_map(functions)
            .collect();
        let root = Module::read(Vec::new(), &attrs, &items)?;
        Ok(Names { root, functions })
    }
}

impl Module {
    /// The name by which users reach it.
    pub(crate) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn read(path: Vec<String>, attributes: &[Attribute], items: &[Item]) -> Result<Self, Error> {
        let mut module = Module {
            description: describe(&path, attributes)?,
            constants: Vec::new(),
            modules: Vec::new(),
            path,
        };
        for item in items {
            match item {
                Item::Const(item) if is_public(&item.vis) => {
                    module.constants.push(Constant::read(&module.path, item)?);
                }
                Item::Mod(ItemMod {
                    vis,
                    ident,
                    attrs,
                    content: Some((_, items)),
                    ..
                }) if is_public(vis) => {
                    let path = below(&module.path, ident);
                    module.modules.push(Module::read(path, attrs, items)?);
                }
                Item::Use(_) if module.path.is_empty() => {}
                other => {
                    if let Some(what) = public_item(other) {
                        let item = format!("{what} in {}", place(&module.path));
                        return Err(Error::Item { item });
                    }
                }
            }
        }
        Ok(module)
    }
}

impl Constant {
    fn read(module: &[String], item: &ItemConst) -> Result<Self, Error> {
        let path = below(module, &item.ident);
        let value = value(&item.expr).ok_or_else(|| Error::Value {
            name: path.join("::"),
        })?;
        Ok(Constant {
            name: item.ident.to_string(),
            description: describe(&path, &item.attrs)?,
            value,
        })
    }
}

fn value(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => {
            let text = text.value();
            let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\';
            text.chars().all(plain).then_some(Value::Text(text))
        }
        Expr::Reference(reference) => match &*reference.expr {
            Expr::Array(array) => array
                .elems
                .iter()
                .map(path)
                .collect::<Option<_>>()
                .map(Value::List),
            _ => None,
        },
        _ => None,
    }
}

fn path(expression: &Expr) -> Option<Vec<String>> {
    match expression {
        Expr::Path(path) => {
            let segments = path.path.segments.iter();
            Some(segments.map(|part| part.ident.to_string()).collect())
        }
        _ => None,
    }
}

/// The functions among what a `use` names; types begin with a capital.
fn functions(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => functions(&path.tree),
        UseTree::Group(group) => group.items.iter().flat_map(functions).collect(),
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            let is_function = name.starts_with(|c: char| c.is_ascii_lowercase());
            is_function.then_some(name).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn describe(path: &[String], attributes: &[Attribute]) -> Result<Description, Error> {
    let lines: Vec<String> = attributes.iter().filter_map(doc_line).collect();
    Description::parse(&lines).ok_or_else(|| Error::Undocumented { name: place(path) })
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A public item that is none of those with a form in Python, as it is called. A function of the
/// file's own counts as none: it is for Rust alone.
fn public_item(item: &Item) -> Option<String> {
    let (visibility, what) = match item {
        Item::Mod(item) => (&item.vis, format!("mod {}", item.ident)),
        Item::Static(item) => (&item.vis, format!("static {}", item.ident)),
        Item::Struct(item) => (&item.vis, format!("struct {}", item.ident)),
        Item::Enum(item) => (&item.vis, format!("enum {}", item.ident)),
        Item::Type(item) => (&item.vis, format!("type {}", item.ident)),
        Item::Trait(item) => (&item.vis, format!("trait {}", item.ident)),
        Item::Use(item) => (&item.vis, "use".to_owned()),
        Item::Macro(item) => {
            let name = item.mac.path.segments.last();
            return name.map(|name| format!("{}!", name.ident));
        }
        _ => return None,
    };
    is_public(visibility).then_some(what)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn below(path: &[String], name: &syn::Ident) -> Vec<String> {
    path.iter().cloned().chain([name.to_string()]).collect()
}

fn place(path: &[String]) -> String {
    if path.is_empty() {
        "the file".to_owned()
    } else {
        path.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Names, Error> {
        Names::parse(&format!("//! Names.\n{body}"))
    }

    #[test]
    fn modules_and_constants_are_read_with_their_descriptions_in_order() {
        let names = parse(
            "/// Outer.\npub mod a {\n/// One.\npub const X: &str = \"x\";\n/// Inner.\npub mod b {\n/// Two.\npub const Y: &str = \"\";\n}\n}",
        )
        .unwrap();
        let outer = &names.root.modules[0];
        assert_eq!(outer.description.summary(), "Outer.");
        assert_eq!(outer.constants[0].name, "X");
        assert_eq!(outer.constants[0].description.summary(), "One.");
        assert_eq!(outer.modules[0].path, ["a", "b"]);
        assert_eq!(
            outer.modules[0].constants[0].value,
            Value::Text(String::new())
        );
    }

    #[test]
    fn a_list_keeps_the_paths_of_its_constants() {
        let names = parse("/// All.\npub const ALL: &[&str] = &[a::X, a::b::Y];").unwrap();
        let paths = [vec!["a", "X"], vec!["a", "b", "Y"]];
        let Value::List(list) = &names.root.constants[0].value else {
            panic!("no list: {names:?}");
        };
        assert_eq!(list, &paths);
    }

    #[test]
    fn only_the_functions_among_the_re_exports_are_asked_of_python() {
        let names = parse("mod s;\npub use s::{NameError, sanitize};\npub use s::other;").unwrap();
        assert_eq!(names.functions, ["sanitize", "other"]);
    }

    #[test]
    fn what_is_not_public_is_passed_over() {
        let names = parse(
            "mod s;\nuse x::y;\nconst A: u8 = 1;\n#[cfg(test)]\nmod tests { fn f() {} }\n/// Rust's.\npub fn clamp() {}",
        )
        .unwrap();
        assert_eq!(names.root.constants, []);
        assert_eq!(names.root.modules, []);
        assert_eq!(names.functions, [""; 0]);
    }

    #[test]
    fn a_computed_value_is_refused_by_its_path() {
        for value in [
            "concat!(\"a\", \"b\")",
            "\"a\\n\"",
            "\"é\"",
            "OTHER",
            "7",
            "&[\"a\"]",
        ] {
            let name = "a::X".to_owned();
            let source = format!("/// A.\npub mod a {{ /// X.\npub const X: &str = {value}; }}");
            assert_eq!(parse(&source), Err(Error::Value { name }), "{value}");
        }
    }

    #[test]
    fn what_python_has_no_form_for_is_refused_by_its_place() {
        for (item, called) in [
            ("pub static X: u8 = 1;", "static X in a"),
            ("pub mod b;", "mod b in a"),
            ("pub use b::X;", "use in a"),
            ("names!();", "names! in a"),
            ("pub struct X;", "struct X in a"),
        ] {
            let item_called = called.to_owned();
            assert_eq!(
                parse(&format!("/// A.\npub mod a {{ {item} }}")),
                Err(Error::Item { item: item_called })
            );
        }
    }

    #[test]
    fn an_item_without_a_description_is_refused_by_its_path() {
        let undocumented = |name: &str| {
            Err(Error::Undocumented {
                name: name.to_owned(),
            })
        };
        assert_eq!(parse("pub mod a {}"), undocumented("a"));
        assert_eq!(
            parse("/// A.\npub mod a { pub const X: &str = \"x\"; }"),
            undocumented("a::X")
        );
        assert_eq!(Names::parse(""), undocumented("the file"));
    }
}
