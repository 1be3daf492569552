//! Path patterns of sources, read both ways: from an identity's values to a path, and from a path back to the values.
//!
//! What is true here:
//! - A variable never matches `/` (but for those that a time format writes); `*` does not either; `**` stands for any folders, none included.
//! - Values stand in file names as they are, unquoted and unescaped: a text `United Kingdom` is the file `United Kingdom.csv`.
//! - A text matches the shortest value with which the rest matches, an integer the longest, a time exactly its own length.
//! - What [`PathPattern::render`] gives, [`PathPattern::matches`] reads back as the same values. A value for which that does not hold (it has
//!   a `/`, it would be `..`, or `<A>-<B>` would cut it elsewhere) has no path.
//! - As in a shell, a name that begins with a dot is matched only where the pattern writes the dot.

use super::format::{Field, FormatError, Item, TimeFormat};
use super::shape::{Atom, Class, Shape};
use super::{Binding, Precision, Type, Value, Var};

/// `raw/customers/<DATE>.csv`, parsed. `/` between folders, relative to the project's root or absolute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern {
    /// As written.
    pub text: String,
    pub parts: Vec<PathPart>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathPart {
    Literal(String),
    /// `<DATE:%Y/%m/%d>`; without a format, the value as identities write it.
    Var {
        var: Var,
        ty: Type,
        format: Option<TimeFormat>,
    },
    /// `*`, any text without `/`: one instance's many files.
    Star,
    /// `**/`, any folders with their `/`, or none.
    DoubleStar,
}

/// Why a text is not a path pattern; `at..end` are bytes of the text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct PathError {
    pub at: usize,
    pub end: usize,
    pub kind: PathErrorKind,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathErrorKind {
    #[error("the path is empty; write the files' path below the project, such as `raw/<DATE>.csv`")]
    Empty,
    #[error("`<` opens a variable, and no `>` closes it; write `<NAME>`")]
    Unclosed,
    #[error("`<{name}>` is no variable of the source's identity; name it in the identity too, or write the path without it")]
    UnknownVariable { name: String },
    #[error("nothing stands between `{left}` and `{right}`, so a file's name cannot be cut into the two; write something between them")]
    SideBySide { left: String, right: String },
    #[error("`{found}` is no field of a time format; there are %Y %m %d %H %M %j %G %V %q and %% for a percent sign")]
    UnknownField { found: String },
    #[error("`{format}` does not tell which {ty} is meant; it needs {needs}")]
    Undetermined { format: String, ty: Type, needs: &'static str },
    #[error("`<{name}>` is {ty}, and only times have formats; write `<{name}>`")]
    FormatOnText { name: String, ty: Type },
    #[error("`{found}` is no folder's name here; write the path from the project's root without it, or an absolute path")]
    Component { found: String },
    #[error("`**` stands for any folders, so it must be alone between two `/`, as in `raw/**/*.csv`")]
    DoubleStar,
    #[error("a path with `*` means files, so it cannot end with `/`; write `*` or `**` behind it")]
    FolderGlob,
}

impl PathPattern {
    /// Reads a path pattern. `variable` tells which variable of the source a name is, and its type.
    pub fn parse(text: &str, variable: &mut dyn FnMut(&str) -> Option<(Var, Type)>) -> Result<Self, PathError> {
        let fail = |at: usize, end: usize, kind| Err(PathError { at, end, kind });
        if text.is_empty() {
            return fail(0, 0, PathErrorKind::Empty);
        }
        let mut parts = Vec::new();
        let mut at = if text.starts_with("./") { 2 } else { 0 };
        while at < text.len() {
            let rest = &text[at..];
            let len = if let Some(behind) = rest.strip_prefix("**") {
                let alone = (at == 0 || text[..at].ends_with('/')) && (behind.is_empty() || behind.starts_with('/'));
                if !alone {
                    return fail(at, at + 2, PathErrorKind::DoubleStar);
                }
                parts.push((at, PathPart::DoubleStar));
                if rest.len() == 2 {
                    parts.push((at, PathPart::Star));
                }
                rest.len().min(3)
            } else if rest.starts_with('*') {
                parts.push((at, PathPart::Star));
                1
            } else if rest.starts_with('<') {
                let Some(close) = rest.find('>') else { return fail(at, text.len(), PathErrorKind::Unclosed) };
                parts.push((at, parse_variable(&rest[1..close], at + 1, variable)?));
                close + 1
            } else {
                let len = rest.find(['<', '*']).unwrap_or(rest.len());
                parts.push((at, PathPart::Literal(rest[..len].to_string())));
                len
            };
            at += len;
        }
        for pair in parts.windows(2) {
            let ((left_at, left), (at, right)) = (&pair[0], &pair[1]);
            if left.is_elastic() && right.is_elastic() {
                let end = parts.iter().map(|(at, _)| *at).find(|next| next > at).unwrap_or(text.len());
                let kind = PathErrorKind::SideBySide { left: text[*left_at..*at].into(), right: text[*at..end].into() };
                return fail(*left_at, end, kind);
            }
        }
        let pattern = Self { text: text.into(), parts: parts.into_iter().map(|(_, part)| part).collect() };
        pattern.check_components()?;
        if pattern.is_folder() && pattern.is_glob() {
            return fail(text.len() - 1, text.len(), PathErrorKind::FolderGlob);
        }
        Ok(pattern)
    }

    /// No `..`, no `.` (but for a leading `./`, which means nothing), no empty name.
    fn check_components(&self) -> Result<(), PathError> {
        let mut at = if self.text.starts_with("./") { 2 } else { usize::from(self.text.starts_with('/')) };
        let names = self.text[at..].strip_suffix('/').unwrap_or(&self.text[at..]);
        for name in names.split('/') {
            if matches!(name, "" | "." | "..") {
                let found = if name.is_empty() { "//".into() } else { name.to_string() };
                return Err(PathError { at, end: at + name.len(), kind: PathErrorKind::Component { found } });
            }
            at += name.len() + 1;
        }
        Ok(())
    }

    /// One instance is a whole folder: the pattern ends with `/`.
    pub fn is_folder(&self) -> bool {
        self.text.ends_with('/')
    }

    /// One instance is many files: the pattern has a `*`.
    pub fn is_glob(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, PathPart::Star | PathPart::DoubleStar))
    }

    /// The variables that stand in the pattern, each as often as it does.
    pub fn variables(&self) -> impl Iterator<Item = Var> + '_ {
        self.parts.iter().filter_map(|part| if let PathPart::Var { var, .. } = part { Some(*var) } else { None })
    }

    /// The path of a file or folder (without a `/` at its end). `None` where the pattern has a `*`, a variable is unbound, or the values
    /// have no path.
    pub fn render(&self, binding: &Binding) -> Option<String> {
        if self.is_glob() {
            return None;
        }
        self.written(binding).map(|path| path.strip_suffix('/').map(str::to_string).unwrap_or(path))
    }

    /// The folder above the first `*`, without wildcards (`.` for the project's root), and the rest with its stars, as text to read; without
    /// a `*`, the whole path and nothing.
    pub fn fixed(&self, binding: &Binding) -> Option<(String, Option<String>)> {
        if let Some(path) = self.render(binding) {
            return Some((path, None));
        }
        let star = self.parts.iter().position(|part| matches!(part, PathPart::Star | PathPart::DoubleStar))?;
        let whole = self.written(binding)?;
        let head: String = self.parts[..star].iter().map(|part| part.written(binding)).collect::<Option<_>>()?;
        let base = head.rfind('/').map_or(0, |slash| slash + 1);
        let folder = match &head[..base] {
            "" => ".",
            "/" => "/",
            folder => &folder[..folder.len() - 1],
        };
        Some((folder.to_string(), Some(whole[base..].to_string())))
    }

    /// All parts written; stars as stars. `None` where that could not be read back, or would leave the folder.
    fn written(&self, binding: &Binding) -> Option<String> {
        let path: String = self.parts.iter().map(|part| part.written(binding)).collect::<Option<_>>()?;
        if path.contains('\0') || path.split('/').any(|name| matches!(name, "." | "..")) {
            return None;
        }
        let back = self.matches(&path, binding.len())?;
        self.variables().all(|var| back[var.0 as usize] == binding[var.0 as usize]).then_some(path)
    }

    /// Reads a path back: the values of the pattern's variables, in a binding of `variables` places.
    pub fn matches(&self, path: &str, variables: usize) -> Option<Binding> {
        let mut binding: Binding = vec![None; variables];
        let slash = if self.is_folder() && !path.ends_with('/') { "/" } else { "" };
        read(&self.parts, &format!("{path}{slash}"), true, &mut binding).then_some(binding)
    }

    /// The folder in which a search for matches begins, without a `/` at its end; `""` is the project's root.
    pub fn start(&self) -> &str {
        let literal = match self.parts.as_slice() {
            [PathPart::Literal(whole)] => whole.strip_suffix('/').unwrap_or(whole),
            [PathPart::Literal(head), ..] => head,
            _ => "",
        };
        literal.rfind('/').map_or("", |slash| &literal[..slash.max(usize::from(literal.starts_with('/')))])
    }

    /// Whether something below `folder` (without a `/` at its end; `""` is the project's root) could match. "No" is certain.
    pub fn reaches(&self, folder: &str) -> bool {
        let prefix = if folder.is_empty() || folder.ends_with('/') { folder.to_string() } else { format!("{folder}/") };
        self.shape().starts(&prefix)
    }

    /// Whether some file could belong to both patterns. "No" is certain: it looks at literals and at the form of times, not at values.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.shape().meets(&other.shape())
    }

    fn shape(&self) -> Shape {
        let mut shape = Shape::default();
        for part in &self.parts {
            part.shape(&mut shape);
        }
        if self.is_folder() {
            shape.0.push(Atom::Many(Class::Any));
        }
        shape
    }
}

fn parse_variable(inside: &str, at: usize, variable: &mut dyn FnMut(&str) -> Option<(Var, Type)>) -> Result<PathPart, PathError> {
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name, Some(format)),
        None => (inside, None),
    };
    let end = at + name.len();
    let name = name.trim();
    let unknown = || PathError { at, end, kind: PathErrorKind::UnknownVariable { name: name.into() } };
    let (var, ty) = variable(name).ok_or_else(unknown)?;
    let Some(format) = format else { return Ok(PathPart::Var { var, ty, format: None }) };
    let (start, end) = (end + 1, end + 1 + format.len());
    let Type::Time(precision) = ty else {
        return Err(PathError { at: start, end, kind: PathErrorKind::FormatOnText { name: name.into(), ty } });
    };
    let parsed = TimeFormat::parse(format, precision).map_err(|error| match error {
        FormatError::UnknownField { at, found } => {
            PathError { at: start + at, end: start + at + found.len(), kind: PathErrorKind::UnknownField { found } }
        }
        FormatError::Undetermined { needs, .. } => {
            PathError { at: start, end, kind: PathErrorKind::Undetermined { format: format.into(), ty, needs } }
        }
    })?;
    Ok(PathPart::Var { var, ty, format: Some(parsed) })
}

impl PathPart {
    /// Matches texts of several lengths.
    fn is_elastic(&self) -> bool {
        matches!(self, PathPart::Star | PathPart::Var { ty: Type::Text | Type::Int, .. })
    }

    fn written(&self, binding: &Binding) -> Option<String> {
        Some(match self {
            PathPart::Literal(text) => text.clone(),
            PathPart::Star => "*".into(),
            PathPart::DoubleStar => "**/".into(),
            PathPart::Var { var, format, .. } => match (binding.get(var.0 as usize)?.as_ref()?, format) {
                (Value::Time(period), Some(format)) => format.write(*period),
                (value, _) => value.to_string(),
            },
        })
    }

    /// Reads `text`, the whole of it, as a value of the variable.
    fn value(ty: Type, format: Option<&TimeFormat>, text: &str) -> Option<Value> {
        match format {
            Some(format) => format.read(text).map(Value::Time),
            None => ty.read(text),
        }
    }

    fn shape(&self, shape: &mut Shape) {
        match self {
            PathPart::Literal(text) => shape.literal(text),
            PathPart::Star => shape.0.push(Atom::Many(Class::NotSlash)),
            PathPart::DoubleStar => shape.0.push(Atom::Many(Class::Any)),
            PathPart::Var { format: Some(format), .. } => {
                for item in &format.items {
                    match item {
                        Item::Literal(c) => shape.0.push(Atom::One(Class::Is(*c))),
                        Item::Field(field) => shape.0.extend(std::iter::repeat_n(Atom::One(Class::Digit), Field::width(*field))),
                    }
                }
            }
            PathPart::Var { ty: Type::Time(precision), .. } => {
                shape.0.extend(written_form(*precision).chars().map(|c| Atom::One(if c == '0' { Class::Digit } else { Class::Is(c) })));
            }
            PathPart::Var { .. } => shape.0.extend([Atom::One(Class::NotSlash), Atom::Many(Class::NotSlash)]),
        }
    }
}

/// How identities write a period, `0` for each digit.
fn written_form(precision: Precision) -> &'static str {
    match precision {
        Precision::Year => "0000",
        Precision::Quarter => "0000-Q0",
        Precision::Month => "0000-00",
        Precision::Week => "0000-W00",
        Precision::Day => "0000-00-00",
        Precision::Hour => "0000-00-00T00",
        Precision::Minute => "0000-00-00T00:00",
    }
}

/// Matches `path` against `parts`, whole. `fresh`: a name begins here, and a dot must be written to be matched.
fn read(parts: &[PathPart], path: &str, fresh: bool, binding: &mut Binding) -> bool {
    let Some((part, rest)) = parts.split_first() else { return path.is_empty() };
    let hidden = fresh && path.starts_with('.');
    let name = path.find('/').unwrap_or(path.len());
    match part {
        PathPart::Literal(text) => path.strip_prefix(text.as_str()).is_some_and(|after| read(rest, after, text.ends_with('/'), binding)),
        PathPart::Star if hidden => false,
        PathPart::Star => ends(path, name).any(|end| read(rest, &path[end..], fresh && end == 0, binding)),
        PathPart::DoubleStar => {
            read(rest, path, true, binding) || (!hidden && name > 0 && name < path.len() && read(parts, &path[name + 1..], true, binding))
        }
        PathPart::Var { var, ty, format } => {
            let index = var.0 as usize;
            if let Some(known) = part.written(binding) {
                return !hidden && path.strip_prefix(&known).is_some_and(|after| read(rest, after, false, binding));
            }
            let mut attempt = |end: usize| {
                let Some(value) = path.get(..end).and_then(|text| PathPart::value(*ty, format.as_ref(), text)) else { return false };
                binding[index] = Some(value);
                let matched = read(rest, &path[end..], false, binding);
                if !matched {
                    binding[index] = None;
                }
                matched
            };
            match (ty, format) {
                (_, Some(format)) => attempt(format.width()),
                (Type::Time(precision), None) => attempt(written_form(*precision).len()),
                (Type::Int, None) => (1..=name.min(20)).rev().any(attempt),
                (Type::Text, None) => !hidden && ends(path, name).skip(1).any(attempt),
            }
        }
    }
}

/// Where a text that starts at 0 may end, up to `last`, shortest first.
fn ends(path: &str, last: usize) -> impl Iterator<Item = usize> + '_ {
    (0..=last).filter(|end| path.is_char_boundary(*end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VARIABLES: [(&str, Type); 5] =
        [("A", Type::Text), ("B", Type::Text), ("N", Type::Int), ("DATE", Type::Time(Precision::Day)), ("H", Type::Time(Precision::Hour))];

    fn parsed(text: &str) -> Result<PathPattern, PathError> {
        PathPattern::parse(text, &mut |name| VARIABLES.iter().position(|(n, _)| *n == name).map(|i| (Var(i as u16), VARIABLES[i].1)))
    }

    /// `A=x N=7`, what was read.
    fn read_as(pattern: &str, path: &str) -> Option<String> {
        let binding = parsed(pattern).unwrap().matches(path, VARIABLES.len())?;
        let texts = VARIABLES.iter().zip(&binding).filter_map(|((n, _), v)| v.as_ref().map(|v| format!("{n}={v}")));
        Some(texts.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn paths_are_read_back() {
        for (pattern, path, values) in [
            ("raw/<DATE>.csv", "raw/2024-01-31.csv", "DATE=2024-01-31"),
            ("./raw/<DATE>.csv", "raw/2024-01-31.csv", "DATE=2024-01-31"),
            ("raw/<DATE:%Y/%m/%d>/<A>.csv", "raw/2024/01/31/x y.csv", "A=x y DATE=2024-01-31"),
            ("<A>-<B>.csv", "x-y-z.csv", "A=x B=y-z"),
            ("<A>-<N>.csv", "x-y-12.csv", "A=x-y N=12"),
            ("<DATE><A>", "2024-01-31x", "A=x DATE=2024-01-31"),
            ("<A>/<A>.csv", "x/x.csv", "A=x"),
            ("<DATE>/", "2024-01-31", "DATE=2024-01-31"),
            ("<DATE>/*.csv", "2024-01-31/a.csv", "DATE=2024-01-31"),
            ("<DATE>/**/*.csv", "2024-01-31/a/b/c.csv", "DATE=2024-01-31"),
            ("<DATE>/**", "2024-01-31/c.csv", "DATE=2024-01-31"),
            ("/abs/.<A>", "/abs/.x", "A=x"),
        ] {
            assert_eq!(read_as(pattern, path).as_deref(), Some(values), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("raw/<DATE>.csv", "raw/2024-01-32.csv"),
            ("raw/<A>.csv", "raw/x/y.csv"),
            ("raw/<A>.csv", "raw/.csv"),
            ("raw/<A>.csv", "raw/.x.csv"),
            ("raw/*.csv", "raw/.x.csv"),
            ("raw/**/x", "raw/.git/x"),
            ("raw/*", "raw/x/y"),
            ("<A>/<A>.csv", "x/y.csv"),
            ("<N>", "007"),
            ("<DATE>", "2024-01-3é"),
        ] {
            assert_eq!(read_as(pattern, path), None, "{pattern} {path}");
        }
    }

    #[test]
    fn values_that_would_leave_their_place_have_no_path() {
        let bind = |a: &str| vec![Some(Value::Text(a.into())), Some(Value::Text("b".into())), None, None, None];
        for (pattern, value, path) in [
            ("raw/<A>.csv", "x", Some("raw/x.csv")),
            ("raw/<A>.csv", "United Kingdom", Some("raw/United Kingdom.csv")),
            ("raw/<A>/", "*", Some("raw/*")),
            ("raw/<A>.csv", "../x", None),
            ("raw/<A>/x", "..", None),
            ("raw/.<A>/x", ".", None),
            ("raw/<A>.csv", "", None),
            ("raw/<A>.csv", "a\0b", None),
            ("<A>-<B>", "x-y", None),
            ("raw/<A>/<DATE>", "x", None),
        ] {
            assert_eq!(parsed(pattern).unwrap().render(&bind(value)).as_deref(), path, "{pattern} {value}");
        }
        for (pattern, start) in [
            ("raw/a/x-<A>", "raw/a"),
            ("./raw/<A>", "raw"),
            ("<A>", ""),
            ("/<A>", "/"),
            ("/a/<A>", "/a"),
            ("raw/a.csv", "raw"),
            ("raw/a/", "raw"),
        ] {
            assert_eq!(parsed(pattern).unwrap().start(), start, "{pattern}");
        }
        let fixed = |pattern: &str| parsed(pattern).unwrap().fixed(&bind("x"));
        assert_eq!(fixed("raw/<A>/y-*.csv"), Some(("raw/x".into(), Some("y-*.csv".into()))));
        assert_eq!(fixed("*/<A>.csv"), Some((".".into(), Some("*/x.csv".into()))));
        assert_eq!(fixed("raw/<A>.csv"), Some(("raw/x.csv".into(), None)));
        assert_eq!(parsed("raw/<A>/*").unwrap().render(&bind("x")), None);
    }

    #[test]
    fn errors_say_where() {
        let error = |text: &str| parsed(text).map_err(|e| format!("{}..{} {e}", e.at, e.end)).unwrap_err();
        assert!(error("raw/<DATA>.csv").starts_with("5..9 `<DATA>` is no variable"));
        assert!(error("raw/<DATE.csv").starts_with("4..13 `<` opens"));
        assert!(error("<A><B>").starts_with("0..6 nothing stands between `<A>` and `<B>`"));
        assert!(error("<A><N>").contains("nothing stands"));
        assert!(error("<A>*").contains("`<A>` and `*`"));
        assert!(error("<DATE:%Y-%b>").starts_with("9..11 `%b` is no field"));
        assert!(error("<DATE:%Y-%m>").starts_with("6..11 `%Y-%m` does not tell which day"));
        assert!(error("<A:%Y>").starts_with("3..5 `<A>` is text"));
        assert!(error("../<A>").starts_with("0..2 `..` is no folder's name"));
        assert!(error("raw/../<A>").starts_with("4..6"));
        assert!(error("raw//<A>").starts_with("4..4 `//`"));
        assert!(error("raw/a**/<A>").starts_with("5..7 `**`"));
        assert!(error("raw/*/").starts_with("5..6 a path with `*`"));
        assert!(error("").contains("empty"));
    }

    #[test]
    fn overlap_is_precise_for_what_is_written() {
        for (a, b, both) in [
            ("raw/a/<DATE>.csv", "raw/b/<DATE>.csv", false),
            ("raw/<A>.csv", "raw/<DATE>.csv", true),
            ("raw/<A>.csv", "raw/<DATE>.parquet", false),
            ("raw/<H>.csv", "raw/<DATE>.csv", false),
            ("raw/<DATE:%Y/%m/%d>.csv", "raw/<A>/<N>/<B>.csv", true),
            ("raw/<DATE:%Y/%m/%d>.csv", "raw/<A>/<B>.csv", false),
            ("raw/<DATE>/", "raw/<DATE>/x/y.csv", true),
            ("raw/**/x.csv", "raw/x.csv", true),
            ("raw/*.csv", "raw/x/y.csv", false),
        ] {
            assert_eq!(parsed(a).unwrap().overlaps(&parsed(b).unwrap()), both, "{a} {b}");
        }
        let pattern = parsed("raw/<DATE:%Y/%m/%d>/<A>.csv").unwrap();
        for (folder, reached) in
            [("", true), ("raw", true), ("raw/2024/01", true), ("raw/2024/x", false), ("lake", false), ("raw/2024/01/31/x", false)]
        {
            assert_eq!(pattern.reaches(folder), reached, "{folder}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_back(
            pattern in prop::sample::select(vec![
                "<A>", "<A>-<B>", "raw/<A>/<B>.csv", "<A>.<N>.<B>", "<N>_<A>/", "<DATE:%Y/%j>x<A>", "<A>/<H>-<N>", "<DATE><A>.<A>", "/<H:%H %d%m%Y><B>",
            ]),
            a in "[-./a-cé *<0-9]{0,5}", b in "[-./a-c]{0,4}", n in any::<i64>(), hour in 0i64..1_000_000,
        ) {
            let hour = crate::identity::Period::new(Precision::Hour, hour);
            let binding = vec![
                Some(Value::Text(a.as_str().into())), Some(Value::Text(b.as_str().into())), Some(Value::Int(n)),
                Some(Value::Time(hour.truncate(Precision::Day))), Some(Value::Time(hour)),
            ];
            let pattern = parsed(pattern).unwrap();
            if let Some(path) = pattern.render(&binding) {
                let back = pattern.matches(&path, VARIABLES.len()).expect("a rendered path matches");
                for var in pattern.variables() {
                    prop_assert_eq!(&back[var.0 as usize], &binding[var.0 as usize]);
                }
                prop_assert!(pattern.overlaps(&pattern));
                if let Some((folder, _)) = path.rsplit_once('/') {
                    prop_assert!(folder.is_empty() || pattern.reaches(folder));
                }
            } else if !a.is_empty() && !b.is_empty() && format!("{a}{b}").chars().all(|c| ('a'..='c').contains(&c)) {
                prop_assert!(false, "plain values have a path");
            }
        }
    }
}
