//! Text to tokens, coarse ones: enough to see where statements and properties begin and end, and where a quote is never closed.
//!
//! What is true here: tokens never overlap and come in order; comments are set apart; every byte of a file is in a token, in a comment,
//! or white space. A quoted text, a template tag and a `<variable>` are one token each, so that what is in them is no bracket.

use super::ast::{Comment, FileId, Span};
use super::mistake::SyntaxError;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word,
    /// `"…"` or `"""…"""`
    Text,
    /// `{{ … }}`
    Template,
    /// `<…>`
    Variable,
    /// `(`, `[`, `{`
    Open(char),
    /// `)`, `]`, `}`
    Close(char),
    /// `->`, and what is written in its place by mistake
    Arrow,
    Mark(char),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// Nothing but white space stands before it on its line.
    pub first: bool,
}

/// A file's tokens, its comments, and the errors inside tokens, in order.
pub(super) struct Tokens {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
    pub errors: Vec<SyntaxError>,
    /// A triple-quoted text is never closed: nothing behind its beginning could be read.
    pub cut: bool,
}

pub(super) fn tokens(file: FileId, text: &str) -> Tokens {
    let mut scan = Scan { file, text, at: 0, first: true, out: Tokens { tokens: vec![], comments: vec![], errors: vec![], cut: false } };
    if text.starts_with('\u{feff}') {
        scan.at = '\u{feff}'.len_utf8();
    }
    while scan.at < text.len() && !scan.out.cut {
        scan.next();
    }
    scan.out
}

struct Scan<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    first: bool,
    out: Tokens,
}

impl Scan<'_> {
    fn next(&mut self) {
        let text = self.text;
        let rest = &text[self.at..];
        let Some(c) = rest.chars().next() else { return };
        match c {
            '\n' => {
                self.first = true;
                self.at += 1;
            }
            c if c.is_whitespace() => self.at += c.len_utf8(),
            '#' => {
                let line = line_of(rest);
                let span = self.span(line.len());
                let comment = Comment {
                    text: line[1..].trim_end().into(),
                    span: Span { end: self.at + line.trim_end().len(), ..span },
                    trailing: !self.first,
                };
                self.out.comments.push(comment);
                self.at += line.len();
            }
            '"' if rest.starts_with("\"\"\"") => match rest[3..].find("\"\"\"") {
                Some(length) => self.push(Kind::Text, length + 6),
                None => self.cut(),
            },
            '"' => self.text_token(rest),
            '\'' => self.single_quoted(rest),
            '{' if rest.starts_with("{{") => self.closed(rest, "}}", Kind::Template, "a template tag"),
            '{' if rest.starts_with("{%") => {
                let length = line_of(rest).find("%}").map_or(2, |end| end + 2);
                let error =
                    SyntaxError::new("E0107", "a template statement outside of a text", self.span(length), "only `{{ … }}` may stand here")
                        .help("write `for name in set { … }` around formulas; `{% … %}` works inside quoted texts");
                self.out.errors.push(error);
                self.push(Kind::Template, length);
            }
            '<' => self.variable(rest),
            '(' | '[' | '{' => self.push(Kind::Open(c), 1),
            ')' | ']' | '}' => self.push(Kind::Close(c), 1),
            '-' if rest.starts_with("->") => self.push(Kind::Arrow, 2),
            '=' if rest.starts_with("=>") => self.push(Kind::Arrow, 2),
            c if is_word(c) => {
                let length = rest.char_indices().find(|(i, c)| !is_word(*c) || rest[*i..].starts_with("->")).map_or(rest.len(), |(i, _)| i);
                self.push(Kind::Word, length);
            }
            c => self.push(Kind::Mark(c), c.len_utf8()),
        }
    }

    fn span(&self, length: usize) -> Span {
        Span { file: self.file, start: self.at, end: self.at + length }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.out.tokens.push(Token { kind, start: self.at, end: self.at + length, first: self.first });
        self.first = false;
        self.at += length;
    }

    /// `"…"`, closed on its own line.
    fn text_token(&mut self, rest: &str) {
        let line = line_of(rest);
        let mut escaped = false;
        for (i, c) in line.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return self.push(Kind::Text, i + 1),
                _ => {}
            }
        }
        let error = SyntaxError::new("E0108", "a text that is never closed", self.span(1), "this `\"` has no partner on its line")
            .help("close it with `\"`; a text of several lines is written between `\"\"\"` and `\"\"\"`");
        self.out.errors.push(error);
        self.push(Kind::Text, line.trim_end().len());
    }

    fn single_quoted(&mut self, rest: &str) {
        let line = line_of(rest);
        let length = line[1..].find('\'').map_or(1, |end| end + 2);
        let error = SyntaxError::new("E0108", "a text in single quotes", self.span(length), "texts are written in double quotes");
        let inner = &line[1..length.max(2) - 1];
        self.out.errors.push(if length > 1 { error.help(format!("write `\"{inner}\"`")) } else { error.help("write `\"…\"`") });
        self.push(Kind::Text, length);
    }

    /// A token that ends at `end`, on its own line.
    fn closed(&mut self, rest: &str, end: &str, kind: Kind, what: &str) {
        let line = line_of(rest);
        if let Some(length) = line.find(end) {
            return self.push(kind, length + end.len());
        }
        let error =
            SyntaxError::new("E0109", format!("{what} that is never closed"), self.span(2), format!("expected `{end}` on this line"));
        self.out.errors.push(error.help(format!("write `{end}` where it ends")));
        self.push(kind, line.trim_end().len());
    }

    /// `<…>`: nothing in it is a bracket, a comma or a quote, so that a missing `>` is seen at once.
    fn variable(&mut self, rest: &str) {
        let stop = rest[1..].find(|c| "<>(){}[],\"#\n".contains(c)).map_or(rest.len(), |i| i + 1);
        if rest[stop..].starts_with('>') && !rest[..stop].ends_with('-') {
            return self.push(Kind::Variable, stop + 1);
        }
        let length = rest[..stop].trim_end_matches('-').trim_end().len();
        let error = SyntaxError::new("E0109", "a variable that is never closed", self.span(length), "expected `>` at the end of this");
        self.out.errors.push(error.help(format!("write `{}>`", rest[..length].trim())));
        self.push(Kind::Variable, length);
    }

    /// A triple-quoted text runs to the end of the file. The culprit is the first one that swallowed what looks like a statement; what
    /// stands behind it was read inside out, and is dropped with its errors.
    fn cut(&mut self) {
        let swallowed = |start: usize, end: usize| {
            self.text[start..end]
                .lines()
                .any(|line| line.starts_with("source (") || (line.starts_with('(') && (line.contains("->") || line.ends_with('+'))))
        };
        let triple = |token: &&Token| token.kind == Kind::Text && self.text[token.start..].starts_with("\"\"\"");
        let culprit = self.out.tokens.iter().filter(triple).find(|token| swallowed(token.start, token.end));
        let start = culprit.map_or(self.at, |token| token.start);
        self.out.tokens.retain(|token| token.start < start);
        self.out.comments.retain(|comment| comment.span.start < start);
        self.out.errors.retain(|error| error.span().start < start);
        let span = Span { file: self.file, start, end: start + 3 };
        let error = SyntaxError::new("E0108", "a text that is never closed", span, "this `\"\"\"` has no partner");
        self.out.errors.push(error.note("what follows could not be read").help("close it with `\"\"\"`"));
        self.out.cut = true;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Up to the end of the line.
fn line_of(rest: &str) -> &str {
    rest.split('\n').next().unwrap_or(rest)
}
