//! Templates: parsing, the tags that may stand in them, rendering.
//!
//! What is true here: beside `{{ … }}` there are `if`, `for`, `set` and `with`. Tags that capture what was printed (`macro`, `filter`, …)
//! would hand quoted text to filters that can take the quotes off again, so they are not part of the language; nor is switching quoting
//! off for a whole block, nor reading other files.

use std::ops::Range;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{self, Span};
use minijinja::value::Value;

use super::landing::{Landing, environment, syntax};

/// What is wrong with a template, with its bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    pub message: String,
    pub at: Range<usize>,
}

/// Whether a text holds tags at all. (`${#list}` of the shell is none.)
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || (text.contains("{#") && text.contains("#}"))
}

/// The syntax tree, all tags of which are part of the language.
pub(super) fn parse(text: &str) -> Result<Vec<Stmt<'_>>, TemplateError> {
    // minijinja counts bytes in u32.
    if u32::try_from(text.len()).is_err() {
        return Err(TemplateError { message: "a template of more than 4 GiB".into(), at: 0..0 });
    }
    let tree = machinery::parse(text, "template", syntax()).map_err(|e| from_engine(text, &e))?;
    let Stmt::Template(template) = &tree else { return Ok(vec![tree]) };
    template.children.iter().try_for_each(allowed)?;
    Ok(vec![tree])
}

/// Renders a template over named values.
pub(super) fn render(text: &str, landing: Landing, values: Value) -> Result<String, TemplateError> {
    if !is_template(text) {
        return Ok(text.to_string());
    }
    parse(text)?;
    environment(landing).render_named_str("template", text, values).map_err(|e| from_engine(text, &e))
}

pub(super) fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

fn from_engine(text: &str, error: &minijinja::Error) -> TemplateError {
    let message = match error.detail() {
        Some("unexpected end of comment") => {
            "`{#` begins a comment, and no `#}` ends it; for `${#list}` of the shell write `{% raw %}${#list}{% endraw %}`".into()
        }
        Some(detail) if error.kind() == minijinja::ErrorKind::SyntaxError => detail.to_string(),
        Some(detail) if error.kind() == minijinja::ErrorKind::UndefinedError => detail.to_string(),
        Some(detail) if error.kind() == minijinja::ErrorKind::InvalidOperation => detail.to_string(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let at = error.range().filter(|r| r.end <= text.len()).unwrap_or_else(|| line(text, error.line().unwrap_or(1)));
    TemplateError { message, at }
}

/// The bytes of a line, counted from 1.
fn line(text: &str, number: usize) -> Range<usize> {
    let start = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    start..end
}

fn allowed(statement: &Stmt) -> Result<(), TemplateError> {
    let (tag, span) = match statement {
        Stmt::EmitExpr(_) | Stmt::EmitRaw(_) | Stmt::Set(_) => return Ok(()),
        Stmt::Template(template) => return template.children.iter().try_for_each(allowed),
        Stmt::IfCond(cond) => return cond.true_body.iter().chain(&cond.false_body).try_for_each(allowed),
        Stmt::WithBlock(block) => return block.body.iter().try_for_each(allowed),
        Stmt::ForLoop(each) if !each.recursive => return each.body.iter().chain(&each.else_body).try_for_each(allowed),
        Stmt::ForLoop(each) => ("for … recursive", each.span()),
        Stmt::SetBlock(block) => ("set … endset", block.span()),
        Stmt::AutoEscape(block) => ("autoescape", block.span()),
        Stmt::FilterBlock(block) => ("filter", block.span()),
        Stmt::Macro(block) => ("macro", block.span()),
        Stmt::CallBlock(block) => ("call", block.span()),
        Stmt::Do(block) => ("do", block.span()),
        Stmt::Block(block) => ("block", block.span()),
        Stmt::Import(block) => ("import", block.span()),
        Stmt::FromImport(block) => ("from", block.span()),
        Stmt::Extends(block) => ("extends", block.span()),
        Stmt::Include(block) => ("include", block.span()),
    };
    Err(TemplateError { message: format!("`{{% {tag} %}}` is not one of the tags `if`, `for`, `set`, `with`"), at: range(span) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn shell(text: &str, values: Value) -> String {
        render(text, Landing::Shell, values).unwrap_or_else(|e| panic!("{e}"))
    }

    fn sql(text: &str, values: Value) -> String {
        render(text, Landing::Sql, values).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn what_lands_is_quoted_whatever_made_it() {
        let values = || context! { x => "a'b; c", n => 3, l => vec!["p q", "r"], t => true };
        assert_eq!(shell("{{ x }} {{ n }} {{ l }} {{ t }}", values()), r#""a'b; c" 3 'p q' r true"#);
        assert_eq!(shell("{{ x ~ '$(id)' }}", values()), r#""a'b; c"'$(id)'"#);
        assert_eq!(shell("{{ '--a=%s' | raw | format(x) }}", values()), r#"--a="a'b; c""#);
        assert_eq!(shell("{{ l | join(',') }} {{ l | join(',' | raw) }}", values()), "'p q,r' 'p q',r");
        assert_eq!(shell("{{ x | raw }} {{ l | raw }} {{ x | upper }}", values()), r#"a'b; c p q r "A'B; C""#);
        assert_eq!(sql("{{ x }} {{ n }} {{ l }} {{ x | ident }} {{ none }} 5 -{{ 0 - n }}", values()), {
            r#"'a''b; c' 3 'p q', 'r' "a'b; c" NULL 5 -(-3)"#
        });
    }

    #[test]
    fn tags_that_could_take_quotes_off_are_refused() {
        for text in [
            "{% set x %}{{ y }}{% endset %}",
            "{% autoescape false %}{% endautoescape %}",
            "{% include 'x' %}",
            "{% macro m() %}{% endmacro %}",
        ] {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(error.message.contains("is not one of the tags"), "{text}: {error}");
        }
        assert!(render("{{ x | safe }}", Landing::Shell, context! { x => 1 }).is_err());
    }

    #[test]
    fn errors_say_what_and_where() {
        let at =
            |text: &str, values| render(text, Landing::Sql, values).map_err(|e| (text[e.at.clone()].to_string(), e.message)).unwrap_err();
        assert_eq!(at("a {{ s.nope }} b", context! { s => context! { x => 1 } }), ("s.nope".into(), "`s.nope` is undefined".into()));
        assert!(at("IN ({{ l }})", context! { l => Vec::<i32>::new() }).1.contains("empty list"));
        assert!(at("{{ x }}", context! { x => "a\0" }).1.contains("NUL"));
        assert!(at("{% if %}", ().into()).1.contains("unexpected"));
    }
}
