//! Bash: quotes, substitutions, here-documents, arithmetic, comments.

use super::walk::{Lexer, Misplaced, Place, misplaced};
use crate::recipe::template::TemplateError;

/// All misplaced tags of a script.
pub fn in_shell(text: &str) -> Result<Vec<Misplaced>, TemplateError> {
    misplaced(text, Shell::default())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Vec<Place> {
        in_shell(text).unwrap_or_else(|e| panic!("{text}: {e}")).into_iter().map(|m| m.place).collect()
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
}
