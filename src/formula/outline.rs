//! Tokens to an outline: which statements a file has and which properties their blocks, found by brackets and lines alone.
//!
//! What is true here: a statement begins on a line of its own, and a line goes on with the statement before it only where it begins or the
//! line before ends with a sign that needs a partner (`+`, `->`, `|`, `,`, …). So a mistake stays inside its own statement: what is never
//! closed ends where the next statement begins. Depth is bounded here, so that nothing behind needs to be.

use std::ops::Range;

use super::ast::{Comment, FileId, Span};
use super::mistake::{PROPERTIES, SyntaxError};
use super::token::{Kind, Token, Tokens, tokens};

/// How deep brackets and blocks may stand in each other.
const DEPTH: usize = 32;

pub(super) struct Outline {
    pub entries: Vec<Entry>,
    pub comments: Vec<Comment>,
    pub errors: Vec<SyntaxError>,
}

/// A statement, or a property of a block.
pub(super) struct Entry {
    /// All before the block, in bytes.
    pub head: Range<usize>,
    pub block: Option<Block>,
    /// There is an error for it already.
    pub bad: bool,
}

/// `{ … }`
pub(super) struct Block {
    pub entries: Vec<Entry>,
    pub span: Range<usize>,
}

pub(super) fn outline(file: FileId, text: &str) -> Outline {
    let Tokens { tokens, comments, errors, cut } = tokens(file, text);
    let wrong = errors.iter().map(|error| error.span().start).collect();
    let mut outliner = Outliner { file, text, tokens, at: 0, cut, wrong, errors };
    let entries = outliner.entries(Within::File, 0);
    Outline { entries, comments, errors: outliner.errors }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    File,
    /// The block of a `for`: statements.
    For,
    /// Any other block: properties.
    Block,
}

struct Outliner<'a> {
    file: FileId,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    cut: bool,
    /// Where tokens have errors, in order.
    wrong: Vec<usize>,
    errors: Vec<SyntaxError>,
}

impl Outliner<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn word(&self, token: Token) -> &str {
        &self.text[token.start..token.end]
    }

    fn span(&self, token: Token) -> Span {
        Span { file: self.file, start: token.start, end: token.end }
    }

    /// All up to the `}` that closes this block (not consumed), or the end of the file.
    fn entries(&mut self, within: Within, depth: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Close('}') if within != Within::File => break,
                Kind::Close(c) => {
                    self.at += 1;
                    self.errors.push(stray(c, self.span(token)));
                }
                _ if within == Within::Block && token.first && self.begins_statement(self.at) => break,
                _ => entries.push(self.entry(within, depth)),
            }
        }
        entries
    }

    /// One statement or property; consumes at least one token.
    fn entry(&mut self, within: Within, depth: usize) -> Entry {
        let begin = self.at;
        let start = self.tokens[begin].start;
        let mut end = start;
        let mut brackets: Vec<Token> = Vec::new();
        let mut bad = false;
        let mut arrow = false;
        let mut block = None;
        while let Some(token) = self.peek() {
            let unclosed = brackets.last().copied();
            match (token.kind, unclosed) {
                (_, None) if self.at > begin && token.first && !self.goes_on(within, begin, arrow) => break,
                // What cannot stand in a bracket ends it: the bracket was never closed.
                (Kind::Arrow | Kind::Open('{') | Kind::Close('}'), Some(open)) => {
                    self.never_closed(open, Some(token));
                    bad = true;
                    brackets.clear();
                    continue;
                }
                (_, Some(open)) if token.first && self.begins_statement(self.at) => {
                    self.never_closed(open, Some(token));
                    bad = true;
                    brackets.clear();
                    break;
                }
                (Kind::Close('}'), None) => break,
                (Kind::Open('{'), None) => {
                    block = Some(self.block(within, begin, depth, &mut bad));
                    break;
                }
                (Kind::Open(_), _) => {
                    if brackets.len() + depth >= DEPTH {
                        self.too_deep(token);
                        return Entry { head: start..token.start, block: None, bad: true };
                    }
                    brackets.push(token);
                }
                (Kind::Close(c), open) => match open {
                    Some(open) if partner(open.kind) == Some(c) => drop(brackets.pop()),
                    _ => {
                        match open {
                            Some(open) => self.never_closed(open, Some(token)),
                            None => self.errors.push(stray(c, self.span(token))),
                        }
                        bad = true;
                        brackets.pop();
                    }
                },
                (Kind::Arrow, None) => arrow = true,
                _ => {}
            }
            end = token.end;
            self.at += 1;
        }
        if let Some(open) = brackets.last() {
            self.never_closed(*open, None);
            bad = true;
        }
        let whole = block.as_ref().map_or(end, |block: &Block| block.span.end);
        bad |= (self.cut && self.at >= self.tokens.len()) || self.has_wrong_token(start..if within == Within::Block { whole } else { end });
        Entry { head: start..end, block, bad }
    }

    /// The block that opens here, as part of the entry that began at token `begin`.
    fn block(&mut self, within: Within, begin: usize, depth: usize, bad: &mut bool) -> Block {
        let open = self.tokens[self.at];
        let start = open.start;
        if depth >= DEPTH {
            self.too_deep(open);
            *bad = true;
            return Block { entries: vec![], span: start..start };
        }
        if within == Within::Block {
            self.errors.push(
                SyntaxError::new("E0106", "a block inside a block", self.span(open), "properties have no blocks")
                    .help("one formula's block ends with `}` before the next formula begins; a template tag is `{{ … }}`"),
            );
            *bad = true;
        }
        self.at += 1;
        let inner = if self.word(self.tokens[begin]) == "for" { Within::For } else { Within::Block };
        let entries = self.entries(inner, depth + 1);
        let end = match self.peek() {
            Some(token) if token.kind == Kind::Close('}') => {
                self.at += 1;
                token.end
            }
            next => {
                self.never_closed(open, next);
                *bad = true;
                self.tokens[self.at - 1].end
            }
        };
        Block { entries, span: start..end }
    }

    /// Whether the line that begins at the current token belongs to what began at `begin`.
    fn goes_on(&self, within: Within, begin: usize, arrow: bool) -> bool {
        let (token, before) = (self.tokens[self.at], self.tokens[self.at - 1]);
        let word = self.word(token);
        if within == Within::Block {
            let next = self.tokens.get(self.at + 1).map(|token| token.kind);
            let property = token.kind == Kind::Word && PROPERTIES.contains(&word) && !matches!(next, Some(Kind::Mark('=' | ',')));
            return match (before.kind, token.kind) {
                (_, Kind::Mark(',' | '=')) | (Kind::Mark('='), _) => true,
                (Kind::Mark(','), _) => !property && token.kind != Kind::Close('}'),
                (Kind::Word, Kind::Open('(')) => self.word(before) == "columns",
                _ => false,
            };
        }
        let first = self.tokens[begin];
        let formula = matches!(first.kind, Kind::Open(_) | Kind::Arrow);
        match token.kind {
            Kind::Mark('+' | '|' | '?' | ',' | '=' | '&') | Kind::Open('{') => true,
            Kind::Arrow if formula && !arrow => true,
            Kind::Word if matches!(word, "as" | "at" | "from") => true,
            _ if self.begins_statement(self.at) && !matches!(token.kind, Kind::Open(_)) => false,
            _ => match before.kind {
                Kind::Arrow | Kind::Mark('+' | '|' | '=' | ',' | '&') => true,
                Kind::Word => matches!(self.word(before), "as" | "at" | "from" | "in" | "source" | "for" | "include" | "let"),
                _ => false,
            },
        }
    }

    /// Whether a statement begins at this token for certain: `(` or `->` at a line's beginning, or a word with what must follow it.
    fn begins_statement(&self, at: usize) -> bool {
        let token = self.tokens[at];
        let kind = |ahead: usize| self.tokens.get(at + ahead).map(|token| token.kind);
        match token.kind {
            Kind::Open('(') | Kind::Arrow => true,
            Kind::Word => match (self.word(token), kind(1)) {
                ("source", Some(Kind::Open('('))) | ("defaults", Some(Kind::Open('{'))) | ("include", Some(Kind::Text)) => true,
                ("for", Some(Kind::Word)) => self.tokens.get(at + 2).is_some_and(|token| self.word(*token) == "in"),
                ("let", Some(Kind::Word)) => kind(2) == Some(Kind::Mark('=')),
                _ => false,
            },
            _ => false,
        }
    }

    fn has_wrong_token(&self, range: Range<usize>) -> bool {
        let first = self.wrong.partition_point(|at| *at < range.start);
        self.wrong.get(first).is_some_and(|at| *at < range.end)
    }

    /// A bracket that something ended which cannot stand in it, or the file's end. Nothing is said where a token in between is wrong
    /// already: it may have swallowed the partner.
    fn never_closed(&mut self, open: Token, stopped: Option<Token>) {
        let swallowed =
            open.kind != Kind::Open('{') && self.has_wrong_token(open.start..stopped.map_or(self.text.len(), |token| token.start));
        if swallowed || (self.cut && stopped.is_none()) {
            return;
        }
        let close = partner(open.kind).unwrap_or('?');
        let message = format!("`{}` is never closed", self.word(open));
        let error = SyntaxError::new("E0109", message, self.span(open), format!("expected a `{close}` for this"));
        let error = match stopped {
            Some(token) => error.also(self.span(token), format!("before this, a `{close}` is missing")),
            None => error,
        };
        self.errors.push(error.help(format!("write `{close}` where it ends")));
    }

    /// Gives up on the rest of the file: nobody writes this on purpose.
    fn too_deep(&mut self, token: Token) {
        let label = format!("more than {DEPTH} brackets are open here");
        self.errors.push(SyntaxError::new("E0110", "nested too deeply", self.span(token), label).note("what follows was not read"));
        self.at = self.tokens.len();
        self.cut = true;
    }
}

fn partner(open: Kind) -> Option<char> {
    match open {
        Kind::Open('(') => Some(')'),
        Kind::Open('[') => Some(']'),
        Kind::Open('{') => Some('}'),
        _ => None,
    }
}

fn stray(close: char, span: Span) -> SyntaxError {
    SyntaxError::new("E0109", format!("`{close}` closes nothing"), span, "no bracket is open here")
        .help("remove it, or write the bracket that it closes")
}
