//! What a template reads, found without rendering it.
//!
//! What is true here: every name that rendering could look up is found, under each branch, with the attributes that are certain; where an
//! attribute cannot be known beforehand (a subscript that is computed, a filter over an object) the whole of the object counts as read.
//! Names a template binds itself are followed to what they stand for: `{% for s in sets.shops %}{{ s.currency }}` reads
//! `sets.shops.*.currency`. (minijinja's own `undeclared_variables` misses slices and does not follow names.)

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};

use super::template::{self, TemplateError};

/// One step from an object to what is read of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// `.name`, `["name"]`
    Name(String),
    /// Every item of a list.
    Each,
}

/// One look at a name from outside the template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    pub root: String,
    pub steps: Vec<Step>,
    /// Everything below counts, not just the text it prints.
    pub whole: bool,
    pub at: Range<usize>,
}

impl Read {
    /// `sets.shops.*.currency`
    pub fn path(&self) -> String {
        let mut out = self.root.clone();
        for step in &self.steps {
            out.push('.');
            out.push_str(if let Step::Name(name) = step { name } else { "*" });
        }
        out
    }

    /// The name of step `index`, where it is one.
    pub fn name(&self, index: usize) -> Option<&str> {
        match self.steps.get(index)? {
            Step::Name(name) => Some(name),
            Step::Each => None,
        }
    }
}

/// All reads of a template, in the order written.
pub fn reads(text: &str) -> Result<Vec<Read>, TemplateError> {
    if !template::is_template(text) {
        return Ok(Vec::new());
    }
    let tree = template::parse(text)?;
    let mut walker = Walker { scopes: vec![BTreeMap::new()], reads: Vec::new() };
    walker.statements(&tree);
    Ok(walker.reads)
}

/// What a name bound by the template stands for.
#[derive(Clone)]
enum Bound {
    /// A part of something from outside.
    To(String, Vec<Step>),
    /// A value made in the template; what it was made from is read already.
    Value,
}

struct Walker<'a> {
    scopes: Vec<BTreeMap<&'a str, Bound>>,
    reads: Vec<Read>,
}

/// How much of an object an expression looks at.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// Its text, its truth, its size.
    Text,
    Whole,
}

impl<'a> Walker<'a> {
    fn statements(&mut self, statements: &[Stmt<'a>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(BTreeMap::new());
        inside(self);
        self.scopes.pop();
    }

    fn statement(&mut self, statement: &Stmt<'a>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.expr(&emit.expr, Look::Text),
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr, Look::Text);
                // A name that one branch sets is looked up outside where the other ran.
                self.scoped(|w| w.statements(&cond.true_body));
                self.scoped(|w| w.statements(&cond.false_body));
            }
            Stmt::ForLoop(each) => {
                let over = self.place(&each.iter);
                if over.is_none() {
                    self.expr(&each.iter, Look::Whole);
                }
                let before = self.reads.len();
                self.scoped(|w| {
                    w.name("loop", Bound::Value);
                    let item = over.clone().map_or(Bound::Value, |(root, mut steps)| {
                        steps.push(Step::Each);
                        Bound::To(root, steps)
                    });
                    w.bind(&each.target, item);
                    each.filter_expr.iter().for_each(|filter| w.expr(filter, Look::Text));
                    w.statements(&each.body);
                });
                // How many items there are is read too: through the items, or else through the list.
                if let Some((root, mut steps)) = over {
                    steps.push(Step::Each);
                    let seen = self.reads[before..].iter().any(|read| read.root == root && read.steps.starts_with(&steps));
                    if !seen {
                        steps.pop();
                        self.reads.push(Read { root, steps, whole: true, at: template::range(each.iter.span()) });
                    }
                }
                self.scoped(|w| w.statements(&each.else_body));
            }
            Stmt::WithBlock(block) => self.scoped(|w| {
                for (target, value) in &block.assignments {
                    w.assign(target, value);
                }
                w.statements(&block.body);
            }),
            Stmt::Set(set) => self.assign(&set.target, &set.expr),
            // The others are refused by `template::parse`, or print text alone.
            _ => {}
        }
    }

    fn assign(&mut self, target: &Expr<'a>, value: &Expr<'a>) {
        match self.place(value) {
            Some((root, steps)) => self.bind(target, Bound::To(root, steps)),
            None => {
                self.expr(value, Look::Whole);
                self.bind(target, Bound::Value);
            }
        }
    }

    fn name(&mut self, name: &'a str, bound: Bound) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, bound);
        }
    }

    fn bind(&mut self, target: &Expr<'a>, bound: Bound) {
        match target {
            Expr::Var(var) => self.name(var.id, bound),
            // Taking a pair apart looks into it.
            Expr::List(list) => list.items.iter().for_each(|item| self.bind_part(item, &bound)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind_part(item, &bound)),
            _ => {}
        }
    }

    fn bind_part(&mut self, target: &Expr<'a>, bound: &Bound) {
        if let Bound::To(root, steps) = bound {
            self.reads.push(Read { root: root.clone(), steps: steps.clone(), whole: true, at: template::range(target.span()) });
        }
        self.bind(target, Bound::Value);
    }

    /// The chain of names an expression is, where it is nothing else and starts outside.
    fn place(&self, expr: &Expr<'a>) -> Option<(String, Vec<Step>)> {
        match expr {
            Expr::Var(var) => match self.scopes.iter().rev().find_map(|scope| scope.get(var.id)) {
                Some(Bound::To(root, steps)) => Some((root.clone(), steps.clone())),
                Some(Bound::Value) => None,
                None => Some((var.id.to_string(), Vec::new())),
            },
            Expr::GetAttr(get) => {
                let (root, mut steps) = self.place(&get.expr)?;
                steps.push(Step::Name(get.name.to_string()));
                Some((root, steps))
            }
            Expr::GetItem(get) => {
                let Expr::Const(index) = &get.subscript_expr else { return None };
                let (root, mut steps) = self.place(&get.expr)?;
                steps.push(index.value.as_str().map_or(Step::Each, |name| Step::Name(name.to_string())));
                Some((root, steps))
            }
            _ => None,
        }
    }

    fn expr(&mut self, expr: &Expr<'a>, look: Look) {
        if let Some((root, steps)) = self.place(expr) {
            self.reads.push(Read { root, steps, whole: look == Look::Whole, at: template::range(expr.span()) });
            return;
        }
        match expr {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::GetAttr(get) => self.expr(&get.expr, Look::Whole),
            Expr::GetItem(get) => {
                self.expr(&get.expr, Look::Whole);
                self.expr(&get.subscript_expr, Look::Text);
            }
            Expr::Slice(slice) => {
                self.expr(&slice.expr, Look::Whole);
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|bound| self.expr(bound, Look::Text));
            }
            Expr::UnaryOp(op) => self.expr(&op.expr, Look::Text),
            Expr::BinOp(op) => {
                // `~` looks at texts, `or` and `+` hand their operands on, comparisons see all.
                let look = match op.op {
                    BinOpKind::Concat => Look::Text,
                    BinOpKind::ScAnd | BinOpKind::ScOr | BinOpKind::Add => look,
                    _ => Look::Whole,
                };
                self.expr(&op.left, look);
                self.expr(&op.right, look);
            }
            Expr::Compare(compare) => {
                self.expr(&compare.expr, Look::Whole);
                compare.ops.iter().for_each(|op| self.expr(&op.expr, Look::Whole));
            }
            Expr::IfExpr(choice) => {
                self.expr(&choice.test_expr, Look::Text);
                self.expr(&choice.true_expr, look);
                choice.false_expr.iter().for_each(|other| self.expr(other, look));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|of| self.expr(of, if is_textual(filter.name) { Look::Text } else { Look::Whole }));
                self.arguments(&filter.args);
            }
            Expr::Test(test) => {
                self.expr(&test.expr, if matches!(test.name, "defined" | "undefined" | "none") { Look::Text } else { Look::Whole });
                self.arguments(&test.args);
            }
            Expr::Call(call) => {
                self.expr(&call.expr, Look::Whole);
                self.arguments(&call.args);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.expr(item, look)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expr(item, look)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expr(item, Look::Whole)),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'a>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => {
                    self.expr(expr, Look::Whole);
                }
            }
        }
    }
}

/// Filters that see what their operand prints, and no attribute of it.
fn is_textual(filter: &str) -> bool {
    matches!(filter, "raw" | "ident" | "upper" | "lower" | "trim" | "length" | "count" | "replace")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> String {
        let mut all: Vec<_> = reads(text).unwrap().iter().map(|r| r.path() + if r.whole { "!" } else { "" }).collect();
        all.sort();
        all.dedup();
        all.join(" ")
    }

    #[test]
    fn names_are_followed_to_what_they_stand_for() {
        for (text, expected) in [
            ("{{ DATE }} {{ params.a.b }} {{ params['c'] }}", "DATE params.a.b params.c"),
            ("{% for s in sets.shops %}{{ s.id }}{{ loop.index }}{% endfor %}", "sets.shops.*.id"),
            ("{% for s in sets.shops %}x{% endfor %}", "sets.shops!"),
            ("{% for s in sets.shops if s.open %}x{% endfor %}", "sets.shops.*.open"),
            ("{% set s = sets.shops[0] %}{{ s.currency }}", "sets.shops.*.currency"),
            ("{% for a, b in sets.pairs %}{{ a }}{% endfor %}", "sets.pairs.*!"),
            ("{{ sets[which] }} {{ l[1:n] }}", "l! n sets! which"),
            ("{{ sets.shops | map(attribute='id') | join(x) }}", "sets.shops! x!"),
            ("{{ S ~ '-' ~ T }} {{ S | upper }}", "S T"),
            ("{% if a == b %}{{ c if d else e }}{% endif %}", "a! b! c d e"),
            ("{% with x = label %}{{ x }}{% endwith %}{{ x }}", "label x"),
            ("{% if a %}{% set x = 1 %}{% endif %}{{ x }}", "a x"),
            ("{# {{ hidden }} #}{% raw %}{{ not }}{% endraw %}", ""),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }
}
