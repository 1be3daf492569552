//! Text to the syntax tree. The only file that knows the grammar's generator.
//!
//! What is true here: the outline says where each statement and property begins and ends, and the grammar reads them one by one; a piece
//! with a mistake gives one error and no node, and all others are read. Depth was bounded by the outline.

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

use super::ast::*;
use super::mistake::{Piece, RESERVED, Stop, SyntaxError, reserved_name, shown, unknown_statement};
use super::outline::{Block, Entry, outline};
use crate::diagnostic::nearest;
use crate::identity::Precision;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/formula.pest"]
struct Grammar;

/// Reads one file. The tree holds every statement that could be read, and there is one error, in the order of their places, for each
/// piece that could not.
pub fn parse(id: FileId, text: &str) -> (File, Vec<SyntaxError>) {
    let outline = outline(id, text);
    let mut reader = Reader { id, text, errors: outline.errors };
    let items = reader.items(&outline.entries);
    let mut errors = reader.errors;
    errors.sort_by_key(|error| error.span());
    (File { id, items, comments: outline.comments }, errors)
}

type Read<T> = Result<T, SyntaxError>;

struct Reader<'a> {
    id: FileId,
    text: &'a str,
    errors: Vec<SyntaxError>,
}

impl Reader<'_> {
    fn items(&mut self, entries: &[Entry]) -> Vec<Item> {
        entries.iter().filter_map(|entry| self.item(entry)).collect()
    }

    /// `None` where there is an error for it.
    fn item(&mut self, entry: &Entry) -> Option<Item> {
        let word = self.text[entry.head.clone()].split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let inner = if word == "for" { self.items(self.entries_of(entry)) } else { vec![] };
        let errors = self.errors.len();
        let properties = if word == "for" { vec![] } else { self.properties(entry) };
        if entry.bad {
            return None;
        }
        let item = self.head(entry, word, properties, inner).map_err(|error| self.errors.push(error)).ok()?;
        (self.errors.len() == errors).then_some(item)
    }

    fn entries_of<'e>(&self, entry: &'e Entry) -> &'e [Entry] {
        entry.block.as_ref().map_or(&[], |block| &block.entries)
    }

    fn properties(&mut self, entry: &Entry) -> Vec<Property> {
        let read = |entry: &Entry| (!entry.bad).then(|| self.property(entry));
        let results: Vec<Read<Property>> = self.entries_of(entry).iter().filter_map(read).collect();
        results.into_iter().filter_map(|result| result.map_err(|error| self.errors.push(error)).ok()).collect()
    }

    fn head(&self, entry: &Entry, word: &str, properties: Vec<Property>, items: Vec<Item>) -> Read<Item> {
        let start = entry.head.start;
        let head = self.span(start, entry.head.end);
        let span = self.span(start, entry.block.as_ref().map_or(entry.head.end, |block| block.span.end));
        let text = &self.text[entry.head.clone()];
        let piece = match word {
            "source" => Piece::Source,
            "for" => Piece::For,
            "defaults" => Piece::Defaults,
            "include" => Piece::Include,
            "let" => Piece::Let,
            "" if text.starts_with(['(', '-', '=']) => Piece::Formula,
            "" if text.is_empty() => return Err(self.ownerless(entry)),
            "" => {
                let sign = &text[..text.chars().next().map_or(0, char::len_utf8)];
                return Err(unknown_statement(sign, self.span(start, start + sign.len()), text));
            }
            word => return Err(unknown_statement(word, self.span(start, start + word.len()), &text[word.len()..])),
        };
        let mut parts = self.read(piece, entry.head.start, text)?;
        match (piece, &entry.block) {
            (Piece::For | Piece::Defaults, None) => return Err(self.needs_block(piece, head)),
            (Piece::Include | Piece::Let, Some(block)) => return Err(self.needs_no_block(block)),
            _ => {}
        }
        Ok(match piece {
            Piece::Formula => {
                let (mut inputs, mut outputs) = (vec![], vec![]);
                for part in parts {
                    match part.as_rule() {
                        Rule::input => inputs.push(self.input(start, part)?),
                        Rule::output => outputs.push(self.output(start, part)?),
                        _ => {}
                    }
                }
                Item::Formula(Formula { inputs, outputs, properties, span, head })
            }
            Piece::Source => {
                let tuple = self.tuple(start, &parts.remove(0))?;
                let from = parts.into_iter().find(|part| part.as_rule() == Rule::from);
                let from = from.map(|part| self.quoted_in(start, part)).transpose()?;
                Item::Source(Source { tuple, from, properties, span })
            }
            Piece::For => {
                let (variable, set) = (self.spanned(start, &parts[0]), self.spanned(start, &parts[2]));
                Item::For(For { variable, set, items, span })
            }
            Piece::Include => Item::Include { pattern: self.text(start, &parts[0])?, span },
            Piece::Let => Item::Let { name: self.spanned(start, &parts[0]), value: self.literal(start, &parts[2])?, span },
            Piece::Defaults | Piece::Property => Item::Defaults { properties, span },
        })
    }

    /// A block whose statement is missing.
    fn ownerless(&self, entry: &Entry) -> SyntaxError {
        let start = entry.head.start;
        SyntaxError::new("E0102", "a block that belongs to nothing", self.span(start, start + 1), "no statement stands before this `{`")
            .help("write the formula it belongs to before it: `(…) -> (…) { … }`; for several formulas at once write `defaults { … }`")
    }

    fn needs_block(&self, piece: Piece, head: Span) -> SyntaxError {
        let (what, example) = if piece == Piece::For {
            ("a `for` without a block", "write `for store in stores { … }` around the formulas that are repeated")
        } else {
            ("`defaults` without a block", "write `defaults { … }` with the properties that the formulas below share")
        };
        SyntaxError::new("E0102", what, head, "expected `{` behind this").help(example)
    }

    fn needs_no_block(&self, block: &Block) -> SyntaxError {
        let span = self.span(block.span.start, block.span.start + 1);
        SyntaxError::new("E0102", "a block where none can be", span, "only formulas, sources, `for` and `defaults` have blocks")
            .help("remove the block")
    }

    fn property(&self, entry: &Entry) -> Read<Property> {
        let start = entry.head.start;
        let mut parts = self.read(Piece::Property, start, &self.text[entry.head.clone()])?.into_iter();
        let name = parts.next().map(|part| self.spanned(start, &part)).ok_or_else(|| self.ownerless(entry))?;
        let mut arguments = Vec::new();
        for part in parts {
            arguments.push(match part.as_rule() {
                Rule::value => Argument::Value(self.literal(start, &only(part))?),
                Rule::named => {
                    let mut inner = part.into_inner();
                    let (Some(name), Some(value)) = (inner.next(), inner.next()) else { continue };
                    Argument::Named { name: self.spanned(start, &name), value: self.literal(start, &value)? }
                }
                Rule::columns => {
                    let columns = part.into_inner().filter(|part| part.as_rule() == Rule::column);
                    Argument::Columns(columns.map(|column| self.column(start, column)).collect::<Read<_>>()?)
                }
                _ => continue,
            });
        }
        Ok(Property { name, arguments, span: self.span(start, entry.head.end) })
    }

    fn column(&self, base: usize, column: Pair<Rule>) -> Read<(Spanned<String>, Spanned<String>)> {
        let mut inner = column.into_inner();
        let (Some(name), Some(ty)) = (inner.next(), inner.next()) else { return Err(self.bug(base)) };
        let name = only(name);
        let name = match name.as_rule() {
            Rule::double => Spanned { node: self.unescaped(base, &name)?, span: self.span_of(base, &name) },
            _ => self.spanned(base, &name),
        };
        let mut ty = self.spanned(base, &ty);
        ty.node.truncate(ty.node.trim_end().len());
        ty.span.end = ty.span.start + ty.node.len();
        Ok((name, ty))
    }

    fn input(&self, base: usize, input: Pair<Rule>) -> Read<Input> {
        let (mut alternatives, mut name, mut at) = (vec![], None, None);
        let span = self.span_of(base, &input);
        for part in input.into_inner() {
            match part.as_rule() {
                Rule::alternative => {
                    let mut inner = part.into_inner();
                    let Some(tuple) = inner.next() else { continue };
                    alternatives.push(Alternative { tuple: self.tuple(base, &tuple)?, optional: inner.next().is_some() });
                }
                Rule::name => name = part.into_inner().nth(1).map(|ident| self.spanned(base, &ident)),
                Rule::at => at = Some(self.quoted_in(base, part)?),
                _ => {}
            }
        }
        Ok(Input { alternatives, name, at, span })
    }

    fn output(&self, base: usize, output: Pair<Rule>) -> Read<Output> {
        let span = self.span_of(base, &output);
        let (mut tuple, mut name, mut at) = (None, None, None);
        for part in output.into_inner() {
            match part.as_rule() {
                Rule::tuple => tuple = Some(self.tuple(base, &part)?),
                Rule::name => name = part.into_inner().nth(1).map(|ident| self.spanned(base, &ident)),
                Rule::at => at = Some(self.quoted_in(base, part)?),
                _ => {}
            }
        }
        Ok(Output { tuple: tuple.ok_or_else(|| self.bug(base))?, name, at, span })
    }

    fn tuple(&self, base: usize, tuple: &Pair<Rule>) -> Read<Tuple> {
        let span = self.span_of(base, tuple);
        let parts = tuple.clone().into_inner().filter(|part| part.as_rule() == Rule::part);
        let mut parts = parts.map(|part| self.part(base, part)).collect::<Read<Vec<Component>>>()?;
        if parts.len() < 3 {
            let missing =
                if parts.len() == 2 { "the label or the repository is missing" } else { "the label and the repository are missing" };
            let message = format!("a tuple with {} of at least 3 parts", parts.len());
            return Err(SyntaxError::new("E0105", message, span, missing)
                .help("write `(class, instance, label, repository)`, as in `(orders, <DATE>, prod, dl)`; the instance may have several components, or none"));
        }
        let (repository, label, class) = (parts.pop(), parts.pop(), parts.remove(0));
        let literal = |part: Option<Component>, what: &str| part.map_or_else(|| Err(self.bug(base)), |part| self.name_part(part, what));
        Ok(Tuple {
            class: literal(Some(class), "class")?,
            label: literal(label, "label")?,
            repository: literal(repository, "repository")?,
            components: parts,
            span,
        })
    }

    /// A class, label or repository: a literal that begins with a letter, or a template.
    fn name_part(&self, part: Component, what: &str) -> Read<Spanned<Text>> {
        let order =
            "a tuple's first part is the class, its last two are the label and the repository: `(class, instance, label, repository)`";
        let found = match (part.key, part.term) {
            (None, Term::Literal(text)) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
                let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
                if text.node.is_template() || (text.node.text.starts_with(begins) && text.node.text.chars().all(plain)) {
                    return Ok(text);
                }
                let message = format!("`{}` cannot be a {what}", shown(&text.node.text));
                return Err(SyntaxError::new("E0104", message, text.span, format!("expected the {what}"))
                    .note(format!("a {what} begins with a letter and has letters, digits, `_`, `.` and `-`"))
                    .help(order));
            }
            (Some(_), _) => "a component with a key",
            (None, Term::Wildcard(_)) => "`*`",
            (None, Term::Variable(_)) => "a variable",
        };
        Err(SyntaxError::new("E0105", format!("found {found} where the {what} should be"), part.span, format!("expected the {what}"))
            .note(format!("a {what} is a word or `{{{{ … }}}}`, never a variable"))
            .help(order))
    }

    fn part(&self, base: usize, part: Pair<Rule>) -> Read<Component> {
        let span = self.span_of(base, &part);
        let (mut key, mut term) = (None, None);
        for piece in part.into_inner() {
            match piece.as_rule() {
                Rule::key => key = Some(self.spanned(base, &piece)),
                Rule::wildcard => term = Some(Term::Wildcard(self.span_of(base, &piece))),
                Rule::variable => term = Some(Term::Variable(Box::new(self.variable(base, piece)?))),
                _ => {
                    let text = self.text(base, &piece)?;
                    if text.node.quoting == Quoting::Bare && RESERVED.contains(&text.node.text.as_str()) {
                        return Err(reserved_name(&text.node.text, text.span));
                    }
                    term = Some(Term::Literal(text));
                }
            }
        }
        Ok(Component { key, term: term.ok_or_else(|| self.bug(base))?, span })
    }

    fn variable(&self, base: usize, variable: Pair<Rule>) -> Read<Variable> {
        let span = self.span_of(base, &variable);
        let (mut choose, mut expr, mut ty, mut domain) = (Choose::All, None, None, None);
        for part in variable.into_inner() {
            match part.as_rule() {
                Rule::choose => choose = if part.as_str() == "latest" { Choose::Latest } else { Choose::Any },
                Rule::expr => expr = Some(self.expr(base, part)?),
                Rule::r#type => ty = Some(self.spanned(base, &part)),
                Rule::domain => {
                    let mut ends = part.into_inner();
                    let first = ends.next().map(|end| self.expr(base, end)).transpose()?.ok_or_else(|| self.bug(base))?;
                    domain = Some(match ends.next() {
                        Some(last) => Domain::Range(first, self.expr(base, last)?),
                        None => Domain::One(first),
                    });
                }
                _ => {}
            }
        }
        Ok(Variable { choose, expr: expr.ok_or_else(|| self.bug(base))?, ty, domain, span })
    }

    fn expr(&self, base: usize, expr: Pair<Rule>) -> Read<Expr> {
        let (mut start, mut truncate, mut steps) = (None, None, vec![]);
        let span = self.span_of(base, &expr);
        for part in expr.into_inner() {
            match part.as_rule() {
                Rule::base => start = Some(self.spanned(base, &part)),
                Rule::precision => truncate = Some(self.precision(base, &part, Precision::word, "is no period")?),
                Rule::step => steps.push(self.step(base, part)?),
                _ => {}
            }
        }
        Ok(Expr { base: start.ok_or_else(|| self.bug(base))?, truncate, steps, span })
    }

    fn step(&self, base: usize, step: Pair<Rule>) -> Read<Spanned<Step>> {
        let span = self.span_of(base, &step);
        let (mut count, mut unit) = (0, None);
        let minus = step.as_str().starts_with('-');
        for part in step.into_inner().flatten() {
            match part.as_rule() {
                Rule::count => {
                    let number: i64 = part.as_str().parse().map_err(|_| {
                        SyntaxError::new("E0104", "a number that is too large", self.span_of(base, &part), "does not fit in 64 bits")
                            .help("write a smaller number")
                    })?;
                    count = if minus { -number } else { number };
                }
                Rule::unit => unit = Some(self.precision(base, &part, Precision::unit, "is no unit of time")?.node),
                _ => {}
            }
        }
        Ok(Spanned { node: Step { count, unit }, span })
    }

    /// One of the precisions, by its word or its unit.
    fn precision(&self, base: usize, pair: &Pair<Rule>, spelled: fn(Precision) -> &'static str, wrong: &str) -> Read<Spanned<Precision>> {
        let (word, span) = (pair.as_str(), self.span_of(base, pair));
        let all = Precision::ALL.map(spelled);
        match all.iter().position(|known| *known == word) {
            Some(index) => Ok(Spanned { node: Precision::ALL[index], span }),
            None => {
                let error = SyntaxError::new("E0104", format!("`{word}` {wrong}"), span, format!("expected one of {}", all.join(", ")));
                Err(match nearest(word, all) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                })
            }
        }
    }

    fn quoted_in(&self, base: usize, pair: Pair<Rule>) -> Read<Spanned<Text>> {
        let quoted = pair.into_inner().find(|part| part.as_rule() == Rule::quoted);
        quoted.map_or_else(|| Err(self.bug(base)), |quoted| self.text(base, &quoted))
    }

    /// `text` or `quoted`: quotes and escapes removed.
    fn text(&self, base: usize, pair: &Pair<Rule>) -> Read<Spanned<Text>> {
        let inner = only(pair.clone());
        let (text, quoting) = match inner.as_rule() {
            Rule::triple => (inner.as_str()[3..inner.as_str().len() - 3].to_string(), Quoting::Triple),
            Rule::double => (self.unescaped(base, &inner)?, Quoting::Double),
            _ => (inner.as_str().to_string(), Quoting::Bare),
        };
        Ok(Spanned { node: Text { text, quoting }, span: self.span_of(base, &inner) })
    }

    fn unescaped(&self, base: usize, double: &Pair<Rule>) -> Read<String> {
        let whole = double.as_str();
        let mut out = String::with_capacity(whole.len());
        let mut chars = whole[1..whole.len() - 1].char_indices();
        while let Some((at, c)) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let escaped = chars.next().map(|(_, c)| c);
            out.push(match escaped {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c @ ('"' | '\\')) => c,
                other => {
                    let start = self.span_of(base, double).start + 1 + at;
                    let span = self.span(start, start + 1 + other.map_or(0, char::len_utf8));
                    return Err(SyntaxError::new("E0107", "an unknown escape", span, "known are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\r`")
                        .help("write `\\\\` for a backslash, or put the text between `\"\"\"`, where nothing is escaped"));
                }
            });
        }
        Ok(out)
    }

    fn literal(&self, base: usize, pair: &Pair<Rule>) -> Read<Spanned<Literal>> {
        let span = self.span_of(base, pair);
        let inner = only(pair.clone());
        if inner.as_rule() == Rule::list {
            let parts = inner.into_inner().filter(|part| part.as_rule() == Rule::literal);
            let node = Literal::List(parts.map(|part| self.literal(base, &part)).collect::<Read<_>>()?);
            return Ok(Spanned { node, span });
        }
        let Spanned { node: text, span } = self.text(base, &inner)?;
        let node = if text.quoting == Quoting::Bare && !text.is_template() { Literal::from_word(text.text) } else { Literal::Text(text) };
        Ok(Spanned { node, span })
    }

    /// The parts of a piece, its rule's own pair taken off.
    fn read<'t>(&self, piece: Piece, base: usize, text: &'t str) -> Read<Vec<Pair<'t, Rule>>> {
        let rule = match piece {
            Piece::Formula => Rule::formula,
            Piece::Source => Rule::source,
            Piece::For => Rule::r#for,
            Piece::Defaults => Rule::defaults,
            Piece::Include => Rule::include,
            Piece::Let => Rule::r#let,
            Piece::Property => Rule::property,
        };
        match Grammar::parse(rule, text) {
            Ok(pairs) => Ok(pairs.flat_map(Pair::into_inner).filter(|pair| pair.as_rule() != Rule::EOI).collect()),
            Err(error) => {
                let at = match error.location {
                    InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
                };
                let ErrorVariant::ParsingError { positives, .. } = error.variant else { return Err(self.bug(base)) };
                let mut expected: Vec<&str> = positives.into_iter().filter_map(called).collect();
                expected.sort_unstable();
                expected.dedup();
                Err(Stop { piece, file: self.id, text, base, at, expected }.explain())
            }
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.id, start, end }
    }

    /// A pair's place, without the white space and comments that the generator counts to it where something optional was left out.
    fn span_of(&self, base: usize, pair: &Pair<Rule>) -> Span {
        let mut last = pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        self.span(base + pair.as_span().start(), base + last.as_span().end())
    }

    fn spanned(&self, base: usize, pair: &Pair<Rule>) -> Spanned<String> {
        Spanned { node: pair.as_str().to_string(), span: self.span_of(base, pair) }
    }

    /// The tree that the grammar gave lacks a part that it always has.
    fn bug(&self, at: usize) -> SyntaxError {
        SyntaxError::new("E0199", "the grammar and its reader disagree", self.span(at, at), "while reading this")
            .note("this is a mistake of Formake's")
    }
}

/// The part of a rule that has one; the rule itself where it has none.
fn only(pair: Pair<Rule>) -> Pair<Rule> {
    pair.clone().into_inner().next().unwrap_or(pair)
}

/// A rule of the grammar in words of the language; `None` where it says nothing to people.
fn called(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::input | Rule::output | Rule::alternative | Rule::tuple => "a tuple `(…)`",
        Rule::arrow => "`->`",
        Rule::plus => "`+`",
        Rule::bar => "`|`",
        Rule::optional => "`?`",
        Rule::name | Rule::r#as => "`as`",
        Rule::at | Rule::at_word => "`at`",
        Rule::from | Rule::from_word => "`from`",
        Rule::r#in => "`in`",
        Rule::comma => "`,`",
        Rule::equals => "`=`",
        Rule::close => "`)`",
        Rule::end => "`>`",
        Rule::end_list => "`]`",
        Rule::part | Rule::wildcard | Rule::variable => "a value or a variable",
        Rule::text | Rule::literal | Rule::value | Rule::list | Rule::bare => "a value",
        Rule::quoted | Rule::triple | Rule::double => "a quoted text",
        Rule::expr | Rule::base | Rule::domain => "a variable's name, a time or a number",
        Rule::ident | Rule::key => "a name",
        Rule::r#type => "a type",
        Rule::precision => "a period (`day`, `month`, …)",
        Rule::step | Rule::sign => "`+` or `-`",
        Rule::amount | Rule::count => "a number",
        Rule::named => "`name = value`",
        Rule::columns => "`(column type, …)`",
        Rule::column | Rule::column_name => "a column's name",
        Rule::column_type | Rule::column_size => "a column's type",
        Rule::EOI => "the end",
        _ => return None,
    })
}
