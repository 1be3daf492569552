//! The syntax tree: what was written, with places, before any meaning is given to it.
//!
//! What is true here: every node knows its [`Span`]; nothing is resolved (names are texts, types unknown, templates unrendered); a file
//! with errors still gives every item that could be read. Only `parse` makes these, `format` and `check` read them.

use crate::identity::Precision;

/// A file of a compilation: an index into the list of sources given to the compiler.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FileId(pub u32);

/// A place in a file, in bytes, half open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Span {
    pub file: FileId,
    pub start: usize,
    pub end: usize,
}

/// Something with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    pub node: T,
    pub span: Span,
}

/// A file's items in order. Comments live beside (see [`Comment`]), so that formatting can keep them.
#[derive(Clone, PartialEq, Debug)]
pub struct File {
    pub id: FileId,
    pub items: Vec<Item>,
    pub comments: Vec<Comment>,
}

/// `# …` up to the end of its line; `text` without the `#` and without trailing white space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    pub text: String,
    pub span: Span,
    /// Whether something other than white space stands before it on its line.
    pub trailing: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    Formula(Formula),
    Source(Source),
    For(For),
    /// `defaults { … }`: for the formulas below it in its file (and in the files that file includes below it).
    Defaults {
        properties: Vec<Property>,
        span: Span,
    },
    /// `include "teams/*.formula"`
    Include {
        pattern: Spanned<Text>,
        span: Span,
    },
    /// `let name = value`: usable as `{{ name }}` below it.
    Let {
        name: Spanned<String>,
        value: Spanned<Literal>,
        span: Span,
    },
}

/// `for store in shops { … }`
#[derive(Clone, PartialEq, Debug)]
pub struct For {
    pub variable: Spanned<String>,
    pub set: Spanned<String>,
    pub items: Vec<Item>,
    pub span: Span,
}

/// `inputs -> outputs { properties }`
#[derive(Clone, PartialEq, Debug)]
pub struct Formula {
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    pub properties: Vec<Property>,
    pub span: Span,
    /// The inputs, the arrow and the outputs: what messages underline.
    pub head: Span,
}

/// `source (…) from "…" { properties }`
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    pub tuple: Tuple,
    pub from: Option<Spanned<Text>>,
    pub properties: Vec<Property>,
    pub span: Span,
}

/// `(a, …)? | (b, …) as x at "path"`
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    pub alternatives: Vec<Alternative>,
    pub name: Option<Spanned<String>>,
    pub at: Option<Spanned<Text>>,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Alternative {
    pub tuple: Tuple,
    pub optional: bool,
}

/// `(a, …) as x at "path"`
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    pub tuple: Tuple,
    pub name: Option<Spanned<String>>,
    pub at: Option<Spanned<Text>>,
    pub span: Span,
}

/// `(class, component, …, label, repository)`
#[derive(Clone, PartialEq, Debug)]
pub struct Tuple {
    pub class: Spanned<Text>,
    pub components: Vec<Component>,
    pub label: Spanned<Text>,
    pub repository: Spanned<Text>,
    pub span: Span,
}

/// A text that may hold `{{ … }}`: as in the file, quotes and escapes removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    pub text: String,
    pub quoting: Quoting,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quoting {
    /// `prod`, `{{ store.repository }}`
    Bare,
    /// `"United Kingdom"`, with `\"`, `\\`, `\n`, `\t`
    Double,
    /// `"""raw"""`
    Triple,
}

impl Text {
    /// Whether it holds template tags, which must be rendered.
    pub fn is_template(&self) -> bool {
        self.text.contains("{{") || self.text.contains("{%")
    }
}

/// `value` or `key=value`
#[derive(Clone, PartialEq, Debug)]
pub struct Component {
    pub key: Option<Spanned<String>>,
    pub term: Term,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Term {
    /// `345`, `"United Kingdom"`, `{{ store.id }}`
    Literal(Spanned<Text>),
    /// `*`
    Wildcard(Span),
    /// `<…>`
    Variable(Box<Variable>),
}

/// `<DATE>`, `<H: hour>`, `<DATE - 1d>`, `<DATE.month - 1mo>`, `<S in stores>`, `<latest D in DATE-3d..DATE>`, `<R in 1..2>`, `<H: hour in DATE>`
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    pub choose: Choose,
    pub expr: Expr,
    /// `: hour`, as written.
    pub ty: Option<Spanned<String>>,
    pub domain: Option<Domain>,
    pub span: Span,
}

/// How a variable's domain is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choose {
    /// All of it is needed.
    All,
    /// `latest`: the newest that can be provided.
    Latest,
    /// `any`: those that can be provided, at least one.
    Any,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Domain {
    /// One word: a set of `formake.yaml` or a variable (`<D in MONTH>`), decided by `check`; also `<D in DATE.month - 1mo>` and literals.
    One(Expr),
    /// `from..to`, both ends included.
    Range(Expr, Expr),
}

/// `NAME.precision ± steps` or a literal (`2024-01-01`, `1`) with optional steps. Whether a bare word is a variable, a set or a text is decided by `check`.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// As written: `DATE`, `2024-01-01`, `stores`, `3`.
    pub base: Spanned<String>,
    /// `.month`
    pub truncate: Option<Spanned<Precision>>,
    pub steps: Vec<Spanned<Step>>,
    pub span: Span,
}

/// `- 1d`; without a unit: `- 1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub count: i64,
    pub unit: Option<Precision>,
}

/// One property of a block, as written, its arguments read but not judged.
#[derive(Clone, PartialEq, Debug)]
pub struct Property {
    pub name: Spanned<String>,
    pub arguments: Vec<Argument>,
    pub span: Span,
}

/// `sql "x.sql"` has one `Value`; `param a = 1, b = 2` two `Named`; `retry 3 every 30s` is `Value(3) Word(every) Value(30s)`; `needs gpu = 1` `Named`;
/// `columns (id int, name text)` one `Columns`.
#[derive(Clone, PartialEq, Debug)]
pub enum Argument {
    Value(Spanned<Literal>),
    Named { name: Spanned<String>, value: Spanned<Literal> },
    Columns(Vec<(Spanned<String>, Spanned<String>)>),
}

/// `"text"`, `0.5`, `3`, `1d`, `2024-01-01`, `true`, `[1, 2]`, a bare word.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    Text(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A bare word that is none of the others: `csv`, `every`, `1d`, `4GiB`, `2024-01-01`, `DB_PASSWORD`.
    Word(String),
    List(Vec<Spanned<Literal>>),
}

impl Literal {
    /// What a bare word means. Only numbers written the usual way are numbers: `007` stays a word.
    pub fn from_word(text: String) -> Literal {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let (mantissa, exponent) =
            unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
        let canonical = digits(whole) && (whole == "0" || !whole.starts_with('0'));
        let float = canonical && fraction.is_none_or(digits) && exponent.is_none_or(|e| digits(e.strip_prefix('-').unwrap_or(e)));
        match text.as_str() {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            _ if float && fraction.is_none() && exponent.is_none() && text != "-0" => {
                text.parse().map_or(Literal::Word(text), Literal::Int)
            }
            _ if float && (fraction.is_some() || exponent.is_some()) => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                number.map_or(Literal::Word(text), Literal::Float)
            }
            _ => Literal::Word(text),
        }
    }
}
