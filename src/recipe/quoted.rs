//! Where tags stand: a quoted value means itself only where the shell, or SQL, reads a word or a literal of its own.
//!
//! What is true here: between quotes, in comments, here-documents, backticks and arithmetic the quotes that a value brings along are text, or
//! end what was open, and the value is read as code. Glued to `$`, `\` or a letter they change their meaning. Such tags are found before
//! anything runs, along every branch of the template; `| raw` is let through, since it says that the author quotes.
//!
//! The two lexers know just enough of the languages to tell these places apart.

use std::ops::Range;

use minijinja::machinery::ast::{Expr, Stmt};

use super::template::{self, TemplateError};

/// A tag whose value could be read as something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Misplaced {
    /// Of the tag's expression.
    pub at: Range<usize>,
    pub place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `$'…'` of the shell, `E'…'` and `$$…$$` of SQL
    Escaped,
    Comment,
    HereDocument,
    Backticks,
    /// `$((…))`, `((…))`
    Arithmetic,
    /// `${…}`
    Braces,
    /// Right behind or before a character that changes what quotes mean.
    Glued(char),
    /// Right behind another tag: two literals would become one.
    Adjacent,
    /// Right before `<` or `>`: a number would name a descriptor.
    Redirected,
    /// The branches of an `if`, or the turns of a `for`, leave different quotes open.
    Branches,
}

/// All misplaced tags of a script.
pub(super) fn in_shell(text: &str) -> Result<Vec<Misplaced>, TemplateError> {
    misplaced(text, Shell::default())
}

/// All misplaced tags of a query.
pub(super) fn in_sql(text: &str) -> Result<Vec<Misplaced>, TemplateError> {
    misplaced(text, Sql::default())
}

fn misplaced<L: Lexer>(text: &str, lexer: L) -> Result<Vec<Misplaced>, TemplateError> {
    let mut walker = Walker { lexer, tag: None, found: Vec::new() };
    walker.statements(&template::parse(text)?);
    Ok(walker.found)
}

/// Reads a language in pieces, between which tags stand.
trait Lexer: Clone {
    /// Reads a piece. Says what makes a tag right before it misplaced.
    fn text(&mut self, piece: &str) -> Option<Place>;
    /// Reads a tag. Says what makes it misplaced.
    fn tag(&mut self) -> Option<Place>;
    /// Takes the state after another branch in: of both the one in which a tag may do less. False where they leave different quotes open.
    fn meet(&mut self, other: Self) -> bool;
}

struct Walker<L> {
    lexer: L,
    /// The tag right behind which the next piece stands.
    tag: Option<Range<usize>>,
    found: Vec<Misplaced>,
}

impl<L: Lexer> Walker<L> {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(raw) => {
                if let (Some(place), Some(tag)) = (self.lexer.text(raw.raw), self.tag.take()) {
                    self.report(tag, place);
                }
            }
            Stmt::EmitExpr(emit) if is_raw(&emit.expr) => self.tag = None,
            Stmt::EmitExpr(emit) => {
                let at = template::range(emit.expr.span());
                if let Some(place) = self.lexer.tag() {
                    self.report(at.clone(), place);
                }
                self.tag = Some(at);
            }
            Stmt::IfCond(cond) => {
                let before = self.lexer.clone();
                self.statements(&cond.true_body);
                let after = std::mem::replace(&mut self.lexer, before);
                self.statements(&cond.false_body);
                self.meet(after, template::range(cond.expr.span()));
            }
            Stmt::ForLoop(each) => {
                let none = self.lexer.clone();
                // Twice, since a turn may stand behind another.
                for _ in 0..2 {
                    self.statements(&each.body);
                }
                let after = std::mem::replace(&mut self.lexer, none);
                self.statements(&each.else_body);
                self.meet(after, template::range(each.iter.span()));
            }
            Stmt::WithBlock(block) => self.statements(&block.body),
            _ => {}
        }
    }

    fn meet(&mut self, other: L, at: Range<usize>) {
        if !self.lexer.meet(other) {
            self.report(at, Place::Branches);
        }
    }

    fn report(&mut self, at: Range<usize>, place: Place) {
        let misplaced = Misplaced { at, place };
        if !self.found.contains(&misplaced) {
            self.found.push(misplaced);
        }
    }
}

/// The author quotes, on purpose.
fn is_raw(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Filter(filter) if filter.name == "raw")
}

/// What bash has open, innermost last; nothing: plain text.
#[derive(Clone, PartialEq, Debug)]
enum Open {
    Single,
    Double,
    Ansi,
    Backticks,
    Braces,
    Comment,
    /// `( … )` and `$( … )`, with the `case`s in it, whose patterns close no parenthesis.
    Parens {
        cases: usize,
    },
    /// Parentheses still to be closed.
    Arithmetic(usize),
    HereDocument(HereDocument),
}

#[derive(Clone, PartialEq, Debug)]
struct HereDocument {
    end: String,
    /// `<<-`
    tabs: bool,
    line: String,
}

#[derive(Clone, Default, Debug)]
struct Shell {
    open: Vec<Open>,
    /// Announced on this line.
    pending: Vec<HereDocument>,
    /// The word being read, where nothing is open.
    word: String,
    /// A backslash or a dollar right before.
    glue: Option<char>,
    /// `<<` right before: a delimiter must follow.
    delimiter: bool,
}

impl Lexer for Shell {
    fn text(&mut self, piece: &str) -> Option<Place> {
        let redirected = self.open.is_empty() && piece.starts_with(['<', '>']);
        let chars: Vec<char> = piece.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            at += self.step(&chars[at..]);
        }
        redirected.then_some(Place::Redirected)
    }

    fn tag(&mut self) -> Option<Place> {
        let glue = self.glue.take();
        self.word.push('x');
        if std::mem::take(&mut self.delimiter) {
            return Some(Place::HereDocument);
        }
        let place = |open: &Open| match open {
            Open::Single => Some(Place::Single),
            Open::Double => Some(Place::Double),
            Open::Ansi => Some(Place::Escaped),
            Open::Backticks => Some(Place::Backticks),
            Open::Braces => Some(Place::Braces),
            Open::Comment => Some(Place::Comment),
            Open::Arithmetic(_) => Some(Place::Arithmetic),
            Open::HereDocument(_) => Some(Place::HereDocument),
            Open::Parens { .. } => None,
        };
        // Backticks end at the next backtick, whatever is quoted inside.
        let outer = self.open.iter().find(|open| matches!(open, Open::Backticks)).and_then(place);
        outer.or_else(|| self.open.last().and_then(place)).or(glue.map(Place::Glued))
    }

    fn meet(&mut self, other: Self) -> bool {
        let same = self.open == other.open && self.pending == other.pending;
        self.glue = self.glue.or(other.glue);
        self.delimiter |= other.delimiter;
        same
    }
}

impl Shell {
    /// Reads some of the characters, and says how many.
    fn step(&mut self, rest: &[char]) -> usize {
        let (c, next) = (rest[0], rest.get(1).copied());
        let escaped = self.glue.take() == Some('\\');
        // There, `${x:-it's}` has no quote.
        let in_double = self.open.iter().rev().find(|open| **open != Open::Braces) == Some(&Open::Double);
        match self.open.last_mut() {
            Some(Open::Single) => self.close_at(c, '\''),
            Some(Open::Comment) if c == '\n' => {
                self.open.pop();
                self.newline();
                1
            }
            Some(Open::Comment) => 1,
            Some(Open::HereDocument(document)) => {
                if c != '\n' {
                    document.line.push(c);
                    return 1;
                }
                let line = std::mem::take(&mut document.line);
                if (if document.tabs { line.trim_start_matches('\t') } else { &line }) == document.end {
                    self.open.pop();
                    self.newline();
                }
                1
            }
            _ if escaped => 1,
            _ if c == '\\' => {
                self.glue = Some('\\');
                self.word.push(c);
                1
            }
            Some(Open::Ansi) => self.close_at(c, '\''),
            Some(Open::Double) if c == '"' => self.close_at(c, '"'),
            Some(Open::Backticks) if c == '`' => self.close_at(c, '`'),
            Some(Open::Braces) if c == '}' => self.close_at(c, '}'),
            Some(Open::Arithmetic(depth)) if c == '(' || c == ')' => {
                *depth = if c == '(' { *depth + 1 } else { *depth - 1 };
                if *depth == 0 {
                    self.open.pop();
                }
                1
            }
            _ if c == '`' => self.begin(Open::Backticks, 1),
            _ if c == '$' => self.dollar(rest),
            Some(Open::Double) => 1,
            _ if c == '"' => self.begin(Open::Double, 1),
            Some(Open::Braces) if c == '\'' && !in_double => self.begin(Open::Single, 1),
            Some(Open::Braces | Open::Arithmetic(_)) => 1,
            _ if c == '\'' => self.begin(Open::Single, 1),
            _ if c == '#' && self.word.is_empty() => self.begin(Open::Comment, 1),
            _ if c == '(' && next == Some('(') && self.word.is_empty() => self.begin(Open::Arithmetic(2), 2),
            _ if c == '(' => self.begin(Open::Parens { cases: 0 }, 1),
            _ if c == '<' && next == Some('<') && rest.get(2) == Some(&'<') => self.end_word(3),
            _ if c == '<' && next == Some('<') => self.here_document(rest),
            _ if c == ')' => {
                self.end_word(1);
                if matches!(self.open.last(), Some(Open::Parens { cases: 0 })) {
                    self.open.pop();
                }
                1
            }
            _ if c == '\n' => {
                self.end_word(1);
                self.newline();
                1
            }
            _ if c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>') => self.end_word(1),
            _ => {
                self.word.push(c);
                1
            }
        }
    }

    fn dollar(&mut self, rest: &[char]) -> usize {
        let quoted = matches!(self.open.last(), Some(Open::Double | Open::Braces | Open::Arithmetic(_)));
        self.word.push('$');
        match rest.get(1) {
            Some('(') if rest.get(2) == Some(&'(') => self.begin(Open::Arithmetic(2), 3),
            Some('(') => self.begin(Open::Parens { cases: 0 }, 2),
            Some('{') => self.begin(Open::Braces, 2),
            Some('\'') if !quoted => self.begin(Open::Ansi, 2),
            None => {
                self.glue = Some('$');
                1
            }
            _ => 1,
        }
    }

    fn begin(&mut self, open: Open, read: usize) -> usize {
        // Behind a parenthesis a new word begins; behind a quote the word goes on.
        match open {
            Open::Parens { .. } | Open::Arithmetic(_) | Open::Backticks => self.word.clear(),
            _ => self.word.push('x'),
        }
        self.open.push(open);
        read
    }

    fn close_at(&mut self, c: char, end: char) -> usize {
        if c == end {
            self.open.pop();
            self.word.push('x');
        }
        1
    }

    fn end_word(&mut self, read: usize) -> usize {
        let word = std::mem::take(&mut self.word);
        if let Some(Open::Parens { cases }) = self.open.last_mut() {
            match word.as_str() {
                "case" => *cases += 1,
                "esac" => *cases = cases.saturating_sub(1),
                _ => {}
            }
        }
        read
    }

    fn newline(&mut self) {
        self.word.clear();
        // Each begins where the one before it ends.
        if !self.pending.is_empty() {
            self.open.push(Open::HereDocument(self.pending.remove(0)));
        }
    }

    /// `<<EOF`, `<<-'EOF'`
    fn here_document(&mut self, rest: &[char]) -> usize {
        self.word.clear();
        let mut at = 2;
        let tabs = rest.get(at) == Some(&'-');
        at += usize::from(tabs);
        at += rest[at..].iter().take_while(|c| matches!(c, ' ' | '\t')).count();
        let mut end = String::new();
        while let Some(c) = rest.get(at).filter(|c| !c.is_whitespace() && !matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')')) {
            if !matches!(c, '\'' | '"' | '\\') {
                end.push(*c);
            }
            at += 1;
        }
        // Up to a tag, which would be the delimiter.
        self.delimiter = at == rest.len();
        self.pending.push(HereDocument { end, tabs, line: String::new() });
        at
    }
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

    fn shell(text: &str) -> Vec<Place> {
        in_shell(text).unwrap_or_else(|e| panic!("{text}: {e}")).into_iter().map(|m| m.place).collect()
    }

    fn sql(text: &str) -> Vec<Place> {
        in_sql(text).unwrap_or_else(|e| panic!("{text}: {e}")).into_iter().map(|m| m.place).collect()
    }

    #[test]
    fn words_of_a_script_are_free() {
        for text in [
            "a --x={{ x }} \"$(b {{ y }})\" > {{ z }} # don't",
            "a 'it''s' \\' {{ x }} \"\\\"\" {{ y }}",
            "cat <<< {{ x }}; echo $# {% raw %}${#a}{% endraw %} {{ y }}",
            "cat <<'E' <<-F\n'a\nE\n\"\n\tF\necho {{ x }}",
            "(a; (b) {{ x }}); f() { echo {{ y }}; }",
            "\"$(case a in a) echo {{ x }};; esac)\"",
            "echo \"${x:-it's}\" {{ x }} $((1 + (2))) {{ y }}",
            "{% if a %}x {{ x }}{% else %}y{% endif %} 'z' {{ b }}",
            "\"a {{ x | raw }} b\" {% for p in l %}{{ p }} {% endfor %}",
        ] {
            assert_eq!(shell(text), [], "{text}");
        }
    }

    #[test]
    fn tags_that_bash_would_read_otherwise_are_found() {
        use Place::*;
        for (text, place) in [
            ("echo '{{ x }}'", Single),
            ("echo \"a $(b \"{{ x }}\")\"", Double),
            ("echo $'{{ x }}'", Escaped),
            ("echo ${{ x }}", Glued('$')),
            ("echo \\{{ x }}", Glued('\\')),
            ("a # {{ x }}", Comment),
            ("a `b '{{ x }}'`", Backticks),
            ("a `b {{ x }}`", Backticks),
            ("(( a = {{ x }} ))", Arithmetic),
            ("a=$(( {{ x }} + 1 ))", Arithmetic),
            ("a ${b:-{{ x }}}", Braces),
            ("a <<E\n{{ x }}\nE\n", HereDocument),
            ("a <<-'E' | b\n\t{{ x }}\n\tE\n", HereDocument),
            ("a <<{{ x }}\n", HereDocument),
            ("a {{ x }}>b", Redirected),
            ("{% if a %}'{% endif %}b", Branches),
            ("{% for p in l %}\"{{ p }}{% endfor %}", Double),
            ("{% if a %}${% endif %}{{ x }}", Glued('$')),
        ] {
            assert!(shell(text).contains(&place), "{text}: {:?}", shell(text));
        }
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
