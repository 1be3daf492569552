//! SQL: strings in their spellings, quoted names, comments.

use super::walk::{Lexer, Misplaced, Place, misplaced};
use crate::recipe::template::TemplateError;

/// All misplaced tags of a query.
pub fn in_sql(text: &str) -> Result<Vec<Misplaced>, TemplateError> {
    misplaced(text, Sql::default())
}

#[derive(Clone, PartialEq, Debug)]
enum Quote {
    Single,
    /// `E'…'`, where a backslash escapes.
    Escaped,
    /// `"…"`, or between backticks.
    Name(char),
    /// `$$…$$`, `$tag$…$tag$`
    Dollar(String),
    Line,
    /// `/* … */`, which nest.
    Block(usize),
}

#[derive(Clone, Default, Debug)]
struct Sql {
    open: Option<Quote>,
    /// The character right before, where it is part of a word or a quote.
    glue: Option<char>,
    /// A tag right before.
    tag: bool,
    /// A backslash right before, in [`Quote::Escaped`].
    escaped: bool,
}

impl Lexer for Sql {
    fn text(&mut self, piece: &str) -> Option<Place> {
        let first = piece.chars().next().filter(|c| self.open.is_none() && self.tag && joins(*c));
        self.tag &= piece.is_empty();
        let chars: Vec<char> = piece.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            at += self.step(&chars[at..]);
        }
        first.map(Place::Glued)
    }

    fn tag(&mut self) -> Option<Place> {
        let (glue, tag) = (self.glue.take(), std::mem::replace(&mut self.tag, true));
        match &self.open {
            Some(Quote::Single) => Some(Place::Single),
            Some(Quote::Name(_)) => Some(Place::Double),
            Some(Quote::Escaped | Quote::Dollar(_)) => Some(Place::Escaped),
            Some(Quote::Line | Quote::Block(_)) => Some(Place::Comment),
            None if tag => Some(Place::Adjacent),
            None => glue.map(Place::Glued),
        }
    }

    fn meet(&mut self, other: Self) -> bool {
        self.glue = self.glue.or(other.glue);
        self.tag |= other.tag;
        self.open == other.open && self.escaped == other.escaped
    }
}

/// What would join a literal to its neighbour.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '\'' | '"' | '&' | '`')
}

impl Sql {
    fn step(&mut self, rest: &[char]) -> usize {
        let (c, next) = (rest[0], rest.get(1).copied());
        let before = self.glue.take();
        match &mut self.open {
            Some(Quote::Escaped) if std::mem::take(&mut self.escaped) => {}
            Some(Quote::Escaped) if c == '\\' => self.escaped = true,
            Some(Quote::Single | Quote::Escaped) if c == '\'' => self.close(c),
            Some(Quote::Name(quote)) if c == *quote => self.close(c),
            Some(Quote::Line) if c == '\n' => self.open = None,
            Some(Quote::Block(depth)) => match (c, next) {
                ('/', Some('*')) => {
                    *depth += 1;
                    return 2;
                }
                ('*', Some('/')) => {
                    *depth -= 1;
                    if *depth == 0 {
                        self.open = None;
                    }
                    return 2;
                }
                _ => {}
            },
            Some(Quote::Dollar(mark)) if c == '$' => {
                let length = mark.chars().count();
                if mark.chars().eq(rest.iter().take(length).copied()) {
                    self.close(c);
                    return length;
                }
            }
            Some(_) => {}
            None => return self.plain(c, next, before, rest),
        }
        1
    }

    fn plain(&mut self, c: char, next: Option<char>, before: Option<char>, rest: &[char]) -> usize {
        match (c, next) {
            ('\'', _) => self.open = Some(if matches!(before, Some('e' | 'E')) { Quote::Escaped } else { Quote::Single }),
            ('"' | '`', _) => self.open = Some(Quote::Name(c)),
            ('-', Some('-')) => self.open = Some(Quote::Line),
            ('/', Some('*')) => {
                self.open = Some(Quote::Block(1));
                return 2;
            }
            ('$', _) if !before.is_some_and(|b| b.is_alphanumeric() || b == '_') => {
                let name: String = rest[1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                let length = name.chars().count() + 2;
                if rest.get(length - 1) == Some(&'$') && !name.starts_with(|c: char| c.is_ascii_digit()) {
                    self.open = Some(Quote::Dollar(format!("${name}$")));
                    return length;
                }
                self.glue = Some(c);
            }
            _ => self.glue = Some(c).filter(|c| joins(*c)),
        }
        1
    }

    fn close(&mut self, c: char) {
        self.open = None;
        self.glue = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> Vec<Place> {
        in_sql(text).unwrap_or_else(|e| panic!("{text}: {e}")).into_iter().map(|m| m.place).collect()
    }

    #[test]
    fn literals_of_a_query_are_free() {
        for text in [
            "select 'it''s' /* ' /* */ ' */, {{ x }} from {{ t }} -- don't",
            "where a in ({{ l }}) and b={{ x }}::date or c -{{ y }}",
            "select $$ ' $$, $t$ $$ ' $t$, E'\\'', {{ x }}, $1, t.{{ c | ident }}",
            "select '{{ x | raw }}'{% if p %}, {{ p }}{% endif %}",
            "select {% for s in l %}{{ s }}{% if not loop.last %}, {% endif %}, {% endfor %} 1",
        ] {
            assert_eq!(sql(text), [], "{text}");
        }
    }

    #[test]
    fn tags_that_sql_would_read_otherwise_are_found() {
        use Place::*;
        for (text, place) in [
            ("select '{{ x }}'", Single),
            ("select \"{{ x | ident }}\"", Double),
            ("select E'{{ x }}'", Escaped),
            ("select $$ {{ x }} $$", Escaped),
            ("select 1 -- {{ x }}", Comment),
            ("select 1 /* {{ x }} */", Comment),
            ("select E{{ x }}", Glued('E')),
            ("select 'a'{{ x }}", Glued('\'')),
            ("select {{ x }}'a'", Glued('\'')),
            ("select {{ x }}{{ y }}", Adjacent),
            ("select {% for s in l %}{{ s }}{% endfor %}", Adjacent),
            ("select {% if a %}'{% endif %}", Branches),
        ] {
            assert!(sql(text).contains(&place), "{text}: {:?}", sql(text));
        }
    }
}
