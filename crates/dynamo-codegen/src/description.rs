//! Descriptions: Rust's doc comments as Python's docstrings.

/// The longest line of a Python file, as in `pyproject.toml`.
pub(crate) const LINE: usize = 100;

const QUOTES: &str = "\"\"\"";

/// A description as paragraphs, in Python's way of marking code.
#[derive(Debug, PartialEq)]
pub(crate) struct Description(Vec<String>);

impl Description {
    /// The description that these lines of doc comments are; `None` if they say nothing.
    pub(crate) fn parse(lines: &[String]) -> Option<Self> {
        let paragraphs: Vec<String> = lines
            .split(|line| line.trim().is_empty())
            .filter(|paragraph| !paragraph.is_empty())
            .map(|paragraph| {
                let lines: Vec<&str> = paragraph.iter().map(|line| line.trim()).collect();
                as_python(&lines.join(" "))
            })
            .collect();
        (!paragraphs.is_empty()).then_some(Description(paragraphs))
    }

    /// The first paragraph.
    pub(crate) fn summary(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// How long the summary may be, if it has to stand on the docstring's first line.
    pub(crate) fn summary_limit(&self, indent: usize) -> usize {
        let quotes = if self.0.len() == 1 { 2 } else { 1 };
        LINE - indent - quotes * QUOTES.len()
    }

    /// A docstring, and what follows it after a blank line inside it.
    pub(crate) fn docstring(&self, indent: usize, and: &str) -> String {
        let margin = " ".repeat(indent);
        if and.is_empty() && self.0.len() == 1 && self.summary().len() <= self.summary_limit(indent)
        {
            return format!("{margin}{QUOTES}{}{QUOTES}\n", self.summary());
        }
        let mut text = self.0.clone();
        text[0].insert_str(0, QUOTES);
        let mut out = text
            .iter()
            .map(|paragraph| wrap(paragraph, &margin))
            .collect::<Vec<_>>()
            .join("\n");
        if !and.is_empty() {
            out.push('\n');
            out.push_str(and);
        }
        format!("{out}{margin}{QUOTES}\n")
    }
}

/// ``[`a::b`]`` and `` `a::b` `` become ` ``a.b`` `.
fn as_python(text: &str) -> String {
    let text = text.replace("[`", "`").replace("`]", "`");
    let piece = |(number, piece): (usize, &str)| match number % 2 {
        0 => piece.to_owned(),
        _ => format!("``{}``", piece.replace("::", ".")),
    };
    text.split('`').enumerate().map(piece).collect()
}

/// The text in lines that fit, each with the margin and an end.
fn wrap(text: &str, margin: &str) -> String {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && margin.len() + line.len() + 1 + word.len() > LINE {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
        .iter()
        .map(|line| format!("{margin}{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(text: &str) -> Description {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Description::parse(&lines).unwrap()
    }

    #[test]
    fn links_and_code_are_marked_as_python_does() {
        let described = description(" See [`a::B`] and `c` of `x::y`.");
        assert_eq!(described.summary(), "See ``a.B`` and ``c`` of ``x.y``.");
    }

    #[test]
    fn one_short_paragraph_is_one_line() {
        let described = description(" One\n line.");
        assert_eq!(described.docstring(4, ""), "    \"\"\"One line.\"\"\"\n");
    }

    #[test]
    fn paragraphs_stay_apart() {
        let described = description(" One.\n\n Two.");
        assert_eq!(
            described.docstring(2, ""),
            "  \"\"\"One.\n\n  Two.\n  \"\"\"\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_limit_and_no_word_is_lost() {
        for length in 80..120 {
            let text = format!("{} end.", "w".repeat(length).replace("wwww", "www "));
            let docstring = description(&text).docstring(8, "");
            assert!(
                docstring.lines().all(|line| line.len() <= LINE),
                "{docstring}"
            );
            let words: Vec<_> = docstring.split_whitespace().collect();
            let words = words.join(" ").replace(QUOTES, "");
            assert_eq!(
                words.trim(),
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            );
        }
    }

    #[test]
    fn comments_that_say_nothing_are_no_description() {
        assert_eq!(Description::parse(&[" ".to_owned()]), None);
        assert_eq!(Description::parse(&[]), None);
    }
}
