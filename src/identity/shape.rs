//! Which paths could be meant: a path pattern's shape, as a tiny regular expression over characters.
//!
//! What is true here: a shape matches at least every path that its pattern matches (`31` stands for any two digits), so "no" is certain and
//! "yes" is a maybe.

use std::collections::HashSet;

/// What one character of a path may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Is(char),
    Digit,
    NotSlash,
    Any,
}

impl Class {
    fn has(self, c: char) -> bool {
        match self {
            Class::Is(one) => c == one,
            Class::Digit => c.is_ascii_digit(),
            Class::NotSlash => c != '/',
            Class::Any => true,
        }
    }

    /// Whether some character is in both.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Class::Is(c), class) | (class, Class::Is(c)) => class.has(c),
            _ => true,
        }
    }
}

/// One character, or any number of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Atom {
    One(Class),
    Many(Class),
}

/// Atoms one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape(pub Vec<Atom>);

impl Shape {
    pub fn literal(&mut self, text: &str) {
        self.0.extend(text.chars().map(|c| Atom::One(Class::Is(c))));
    }

    /// Whether some text has both shapes.
    pub fn meets(&self, other: &Self) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![(0, 0)];
        while let Some((i, j)) = open.pop() {
            if !seen.insert((i, j)) {
                continue;
            }
            let (a, b) = (self.0.get(i), other.0.get(j));
            if a.is_none() && b.is_none() {
                return true;
            }
            if let Some(Atom::Many(_)) = a {
                open.push((i + 1, j));
            }
            if let Some(Atom::Many(_)) = b {
                open.push((i, j + 1));
            }
            match (a, b) {
                (Some(Atom::One(x)), Some(Atom::One(y))) if x.meets(*y) => open.push((i + 1, j + 1)),
                (Some(Atom::One(x)), Some(Atom::Many(y))) if x.meets(*y) => open.push((i + 1, j)),
                (Some(Atom::Many(x)), Some(Atom::One(y))) if x.meets(*y) => open.push((i, j + 1)),
                _ => {}
            }
        }
        false
    }

    /// Whether some text of this shape starts with `prefix`.
    pub fn starts(&self, prefix: &str) -> bool {
        let mut beginning = Self::default();
        beginning.literal(prefix);
        beginning.0.push(Atom::Many(Class::Any));
        self.meets(&beginning)
    }
}
