//! A template's pieces and tags, in the order and along the branches in which they may be rendered.

use std::ops::Range;

use minijinja::machinery::ast::{Expr, Stmt};

use crate::recipe::template::{self, TemplateError};

/// A tag whose value could be read as something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misplaced {
    /// Of the tag's expression.
    pub at: Range<usize>,
    pub place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
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

pub(super) fn misplaced<L: Lexer>(text: &str, lexer: L) -> Result<Vec<Misplaced>, TemplateError> {
    let mut walker = Walker { lexer, tag: None, found: Vec::new() };
    walker.statements(&template::parse(text)?);
    Ok(walker.found)
}

/// Reads a language in pieces, between which tags stand.
pub(super) trait Lexer: Clone {
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
