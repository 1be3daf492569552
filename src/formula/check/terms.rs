//! Expressions and domains: what was written, with its variables and types known.

use super::draft::{Draft, is_name, plain};
use super::problems::{Problems, suggest};
use super::types::{Typed, Types, phrase};
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{self, Span};
use crate::formula::program::Domain;
use crate::formula::settings::Settings;
use crate::identity::pattern::Base;
use crate::identity::{Expr, Period, Step, Type, Value, Var};

/// The variables of one draft, in order, and all that their expressions refer to.
pub(super) struct Names<'d> {
    pub draft: usize,
    /// By [`Var`].
    pub variables: Vec<String>,
    pub types: &'d Types,
    pub settings: &'d Settings,
}

impl<'d> Names<'d> {
    pub fn new(draft: usize, written: &Draft<'_>, types: &'d Types, settings: &'d Settings) -> Self {
        let mut variables: Vec<String> = Vec::new();
        for (_, variable) in written.tuples().flat_map(|(tuple, _)| tuple.variables()) {
            let name = &variable.expr.base.node;
            if is_name(name) && !variables.contains(name) {
                variables.push(name.clone());
            }
        }
        Self { draft, variables, types, settings }
    }

    pub fn var(&self, name: &str) -> Option<Var> {
        self.variables.iter().position(|known| known == name).map(|i| Var(i as u16))
    }

    pub fn typed(&self, name: &str) -> Typed {
        self.types.variable(self.draft, name)
    }

    pub fn ty(&self, var: Var) -> Type {
        self.typed(&self.variables[var.0 as usize]).ty
    }

    /// Gives an expression its meaning, and the type of its value. `wanted`: how to read a literal.
    pub fn expr(&self, expr: &ast::Expr, wanted: Type, problems: &mut Problems) -> Option<(Expr, Type)> {
        let name = expr.base.node.as_str();
        let (base, mut ty) = if let Some(var) = self.var(name) {
            (Base::Var(var), self.ty(var))
        } else if is_name(name) {
            let known = self.variables.iter().map(String::as_str).chain(self.settings.sets.keys().map(|n| &**n));
            let label = "neither a variable of this formula nor a set";
            problems.error("E0201", format!("`{name}` is not known"), expr.base.span, label, suggest(name, known));
            return None;
        } else {
            let value = match wanted {
                Type::Int => wanted.read(name),
                _ => Period::parse_any(name).map(Value::Time),
            };
            let Some(value) = value else {
                let message = format!("`{name}` is not {}", if wanted == Type::Int { phrase(wanted) } else { "a time" });
                problems.error(
                    "E0206",
                    message,
                    expr.base.span,
                    "cannot be read",
                    "times are written `2024`, `2024-01`, `2024-01-31`, `2024-01-31T05`",
                );
                return None;
            };
            let ty = value.ty();
            (Base::Literal(value), ty)
        };
        let truncate = match &expr.truncate {
            None => None,
            Some(to) => {
                match ty {
                    Type::Time(from) if from <= to.node => {}
                    _ => {
                        let message = format!("`{name}` is {}, which has no one {}", phrase(ty), to.node.word());
                        let help = match ty {
                            Type::Time(_) => {
                                format!(
                                    "`.{0}` finds the {0} that something shorter lies in; all of them are `<X: {0} in {name}>`",
                                    to.node.word()
                                )
                            }
                            _ => format!("say its type where it stands: `<{name}: day>`"),
                        };
                        self.report_typed("E0207", message, Span { start: expr.span.start, ..to.span }, name, help, problems);
                        return None;
                    }
                }
                ty = Type::Time(to.node);
                Some(to.node)
            }
        };
        let mut lowered = Expr { base, truncate, steps: Vec::new(), number: 0 };
        for step in &expr.steps {
            self.step(&mut lowered, ty, name, step, problems)?;
        }
        Some((lowered, ty))
    }

    fn step(&self, expr: &mut Expr, ty: Type, name: &str, step: &ast::Spanned<ast::Step>, problems: &mut Problems) -> Option<()> {
        let ast::Step { count, unit } = step.node;
        match (ty, unit) {
            (Type::Time(precision), unit) if unit.is_none_or(|unit| unit >= precision) => {
                expr.steps.push(Step { count, unit: unit.unwrap_or(precision) });
                Some(())
            }
            (Type::Int, None) => {
                expr.number = expr.number.saturating_add(count);
                Some(())
            }
            (Type::Time(precision), unit) => {
                let unit = unit.unwrap_or(precision);
                let message = format!("`{name}` is {}, and cannot move by {}s", phrase(ty), unit.word());
                let help = format!(
                    "move by a longer unit (`{name} - 1{}`), or say a finer type where it stands: `<{name}: {}>`",
                    precision.unit(),
                    unit.word()
                );
                self.report_typed("E0207", message, step.span, name, help, problems);
                None
            }
            (Type::Int, Some(_)) => {
                let help = format!("write `{name} - 1` without a unit");
                self.report_typed("E0207", format!("`{name}` is an integer, and has no units of time"), step.span, name, help, problems);
                None
            }
            (Type::Text, _) => {
                let help = format!("say its type where it stands: `<{name}: day>` or `<{name}: int>`");
                self.report_typed("E0207", format!("`{name}` is text, which cannot be counted"), step.span, name, help, problems);
                None
            }
        }
    }

    /// An error that follows from a variable's type: shows where the type comes from.
    fn report_typed(&self, code: &'static str, message: String, span: Span, name: &str, help: String, problems: &mut Problems) {
        let typed = self.typed(name);
        if self.var(name).is_some() && typed.from.is_none() && problems.incomplete {
            return; // What could not be read might have said another type.
        }
        let label = match code {
            "E0207" => format!("{} cannot do this", phrase(typed.ty)),
            _ => format!("not for {}", phrase(typed.ty)),
        };
        let mut error = Diagnostic::error(code, message).at(problems.place(span), label);
        error = match typed.from {
            Some(from) => error.at(problems.place(from), format!("{} because of this", phrase(typed.ty))),
            None => error.note(format!("nothing in the project says the type of `{name}`, so that it is {}", phrase(typed.ty))),
        };
        problems.report(error.help(help));
    }

    /// The values that `<name in …>` may have.
    pub fn domain(&self, name: &str, domain: &ast::Domain, problems: &mut Problems) -> Option<Domain> {
        let ty = self.typed(name).ty;
        match domain {
            ast::Domain::One(expr) => match plain(expr).and_then(|word| self.settings.sets.get(word)) {
                Some(set) => {
                    if self.var(&set.name).is_some() {
                        let message = format!("`{}` is both a set and a variable of this formula", set.name);
                        problems.error("E0217", message, expr.span, "which one?", "give the variable another name");
                        return None;
                    }
                    if let Some(entry) = set.entries.iter().find(|entry| ty.read(&entry.id).is_none()) {
                        let message = format!("`{}` of the set `{}` is not {}", entry.id, set.name, phrase(ty));
                        self.report_typed(
                            "E0206",
                            message,
                            expr.span,
                            name,
                            format!("use a set of values that are each {}", phrase(ty)),
                            problems,
                        );
                        return None;
                    }
                    Some(Domain::Set(set.name.clone()))
                }
                None => {
                    let (lowered, of) = self.expr(expr, ty, problems)?;
                    match (ty, of) {
                        (Type::Time(_), Type::Time(_)) => Some(Domain::Time { first: lowered.clone(), last: lowered }),
                        _ => {
                            let message = format!("`{name}` is {}, and cannot lie in {}", phrase(ty), phrase(of));
                            let help = "a variable lies in a set, a range `1..3`, a window `DATE-6d..DATE` or a longer time".into();
                            self.report_typed("E0217", message, expr.span, name, help, problems);
                            None
                        }
                    }
                }
            },
            ast::Domain::Range(from, to) => {
                let span = Span { end: to.span.end, ..from.span };
                let ((first, a), (last, b)) = (self.expr(from, ty, problems)?, self.expr(to, ty, problems)?);
                match (ty, &first.base, &last.base) {
                    (Type::Int, Base::Literal(Value::Int(a)), Base::Literal(Value::Int(b))) => {
                        let (a, b) = (a.saturating_add(first.number), b.saturating_add(last.number));
                        in_order(a <= b, span, problems)?;
                        Some(Domain::Ints { first: a, last: b })
                    }
                    (Type::Time(_), ..) if matches!((a, b), (Type::Time(_), Type::Time(_))) => {
                        if let (Base::Literal(Value::Time(a)), Base::Literal(Value::Time(b))) = (&first.base, &last.base) {
                            in_order(a.start_minutes() <= b.start_minutes(), span, problems)?;
                        }
                        Some(Domain::Time { first, last })
                    }
                    (Type::Int, ..) => {
                        let help = "write numbers: `<N in 1..10>`";
                        problems.error("E0217", "a range of integers needs fixed bounds", span, "not two numbers", help);
                        None
                    }
                    _ => {
                        let message = format!("`{name}` is {}, which has no such range", phrase(ty));
                        let help = format!("name the values in a set of formake.yaml, or say the type: `<{name}: day in …>`");
                        self.report_typed("E0217", message, span, name, help, problems);
                        None
                    }
                }
            }
        }
    }
}

fn in_order(in_order: bool, span: Span, problems: &mut Problems) -> Option<()> {
    if !in_order {
        problems.error(
            "E0217",
            "the range is empty",
            span,
            "its end lies before its start",
            "both ends are included; write the smaller one first",
        );
    }
    in_order.then_some(())
}
