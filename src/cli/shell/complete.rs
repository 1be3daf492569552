//! What the word at the cursor could become.

use std::collections::BTreeSet;

/// Words of SQL that are worth completing; functions with their bracket.
const KEYWORDS: &str = "SELECT DISTINCT FROM JOIN LEFT RIGHT FULL CROSS USING WHERE GROUP ORDER HAVING QUALIFY LIMIT OFFSET UNION EXCEPT INTERSECT \
    WITH VALUES BETWEEN CASE WHEN THEN ELSE CAST( LIKE ILIKE NULL NOT DESC OVER PARTITION INTERVAL EXTRACT( COALESCE( COUNT( SUM( AVG( MIN( MAX( \
    MEDIAN( STDDEV( ROUND( DATE_TRUNC(";

/// The shell's own commands.
pub const COMMANDS: &[&str] = &[".as-of", ".classes", ".columns", ".format", ".help", ".label", ".limit", ".quit"];

/// What there is to be named.
pub trait Names {
    fn classes(&self) -> Vec<String>;
    /// Of a class, its instances as targets: `daily@2024-01-01`.
    fn instances(&self, class: &str) -> Vec<String>;
    fn labels(&self) -> Vec<String>;
    /// Of a target, as far as a glance tells.
    fn columns(&self, target: &str) -> Vec<String>;
}

/// Where the cursor is.
#[derive(PartialEq, Eq, Debug)]
enum Within {
    /// A double-quoted name that begins at this byte, its quote left out.
    Name(usize),
    /// A text or a comment.
    Text,
    Code,
}

/// Where the word at the cursor begins, and what it could be, sorted.
pub fn complete(text: &str, at: usize, names: &dyn Names) -> (usize, Vec<String>) {
    let (before, after) = text.split_at(at);
    let found = |start: usize, candidates: Vec<String>| -> (usize, Vec<String>) {
        let kept: BTreeSet<String> = candidates.into_iter().filter(|word| word.starts_with(&before[start..])).collect();
        (start, kept.into_iter().collect())
    };
    if before.trim_start().starts_with('.') {
        let start = before.len() - before.trim_start().len();
        return match before[start..].split_once(' ') {
            None => found(start, COMMANDS.iter().map(|command| format!("{command} ")).collect()),
            Some((".columns", target)) => found(at - target.trim_start().len(), targets(target.trim_start(), names)),
            Some((".label", label)) => found(at - label.trim_start().len(), names.labels()),
            Some((".format", format)) => found(at - format.trim_start().len(), ["table", "csv", "json"].map(String::from).into()),
            Some(_) => (at, Vec::new()),
        };
    }
    match within(before) {
        Within::Text => (at, Vec::new()),
        Within::Name(start) => {
            let mut candidates = targets(&before[start..], names);
            candidates.extend(columns(text, names));
            found(start, candidates)
        }
        Within::Code => {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let start = before.char_indices().rev().take_while(|(_, c)| is_word(*c)).last().map_or(at, |(start, _)| start);
            let known = columns(&format!("{} {after}", &before[..start]), names);
            if before[..start].ends_with('.') {
                return found(start, known);
            }
            let word = &before[start..];
            let is_small = word.chars().any(char::is_lowercase);
            let keyword = |keyword: &str| {
                let keyword = if keyword.ends_with('(') { keyword.to_string() } else { format!("{keyword} ") };
                if is_small { keyword.to_lowercase() } else { keyword }
            };
            let mut candidates: Vec<String> = KEYWORDS.split_whitespace().map(keyword).collect();
            candidates.extend(names.classes().into_iter().filter(|class| class.chars().all(is_word)));
            candidates.extend(known);
            // Nothing typed is no question.
            if word.is_empty() { (at, Vec::new()) } else { found(start, candidates) }
        }
    }
}

fn within(before: &str) -> Within {
    let mut rest = before;
    loop {
        let Some(begin) = ["\"", "'", "--", "/*"].into_iter().filter_map(|sign| Some((rest.find(sign)?, sign))).min() else {
            return Within::Code;
        };
        let inside = &rest[begin.0 + begin.1.len()..];
        let end = match begin.1 {
            "--" => "\n",
            "/*" => "*/",
            quote => quote,
        };
        match inside.find(end) {
            Some(length) => rest = &inside[length + end.len()..],
            None if begin.1 == "\"" => return Within::Name(before.len() - inside.len()),
            None => return Within::Text,
        }
    }
}

/// What a target that begins so could be: first a class, behind `@` its instances, behind `:` a label.
fn targets(begun: &str, names: &dyn Names) -> Vec<String> {
    let (class, instance) = begun.split_once('@').map_or((begun, None), |(class, instance)| (class, Some(instance)));
    if let Some((head, label)) = begun.rsplit_once(':')
        && !label.starts_with(|c: char| c.is_ascii_digit())
    {
        return names.labels().iter().map(|label| format!("{head}:{label}")).collect();
    }
    if instance.is_some() {
        return names.instances(class);
    }
    let mut all = names.classes();
    if all.iter().any(|known| known == class) {
        all.extend(names.instances(class));
    }
    all
}

/// The columns of all that a text names.
fn columns(text: &str, names: &dyn Names) -> Vec<String> {
    let classes = names.classes();
    let named = text.split(|c: char| c == '"' || c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')'));
    let named: BTreeSet<&str> = named.filter(|word| classes.iter().any(|class| word.split(['@', ':']).next() == Some(class))).collect();
    named.into_iter().flat_map(|target| names.columns(target)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shop;

    impl Names for Shop {
        fn classes(&self) -> Vec<String> {
            vec!["daily".into(), "raw.days".into()]
        }

        fn instances(&self, class: &str) -> Vec<String> {
            ["2024-01-01", "2024-01-02"].map(|day| format!("{class}@{day}")).into()
        }

        fn labels(&self) -> Vec<String> {
            vec!["pr-42".into(), "prod".into()]
        }

        fn columns(&self, target: &str) -> Vec<String> {
            if target.starts_with("daily") { vec!["amount".into(), "store".into()] } else { Vec::new() }
        }
    }

    #[test]
    fn words_are_completed_by_where_they_stand() {
        for (typed, expected) in [
            ("sel|", "select "),
            ("SEL|", "SELECT "),
            ("select |", ""),
            ("select sto| from daily", "store"),
            ("select d.| from \"daily@2024-01-01\" d", "amount,store"),
            ("select 1 from da|", "daily,date_trunc("),
            ("select 1 from \"da|", "daily"),
            ("select 1 from \"r|", "raw.days"),
            ("select 1 from \"daily|", "daily,daily@2024-01-01,daily@2024-01-02"),
            ("select 1 from \"daily@2024-01-02|", "daily@2024-01-02"),
            ("select 1 from \"daily@2024-01-02:p|\"", "daily@2024-01-02:pr-42,daily@2024-01-02:prod"),
            ("select 'da|", ""),
            ("select 1 -- fro|", ""),
            (".co|", ".columns "),
            (".columns dai|", "daily"),
            (".label pr-|", "pr-42"),
            (".limit |", ""),
        ] {
            let at = typed.find('|').expect("a cursor");
            assert_eq!(complete(&typed.replace('|', ""), at, &Shop).1.join(","), expected, "{typed}");
        }
    }
}
