//! Changed texts: the lines that differ, with a line of what is around them. A query, which is kept as one line, is broken at its clauses.

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::look::{Look, Tone, clip};
use super::units;

/// Lines of a change that are shown, of each side.
const LINES: usize = 6;
/// Places of a text that are shown.
const PLACES: usize = 4;
/// What a long line keeps of what did not change before the change.
const BEFORE: usize = 24;

/// `sql changed, from line 3:`, and the lines: `-` what was, `+` what is.
pub fn hunk(part: &str, old: &str, new: &str, look: &Look) -> Vec<String> {
    let (old, new) = (lines(part, old), lines(part, new));
    let ops = capture_diff_slices(Algorithm::Patience, &old, &new);
    let places = group_diff_ops(ops, 1);
    let first = |ops: &[DiffOp]| ops.iter().find(|op| !matches!(op, DiffOp::Equal { .. })).map_or(0, |op| op.new_range().start) + 1;
    if places.is_empty() {
        // Only in white space that counts: beside a template's tag.
        return vec![format!("{part} changed")];
    }
    let mut shown = Vec::new();
    for (i, ops) in places.iter().take(PLACES).enumerate() {
        shown.push(match i {
            0 if old.len().max(new.len()) <= 1 => format!("{part} changed:"),
            0 => format!("{part} changed, from line {}:", first(ops)),
            _ => look.faint(&format!("  and from line {}:", first(ops))),
        });
        for op in ops {
            let (was, is) = (&old[op.old_range()], &new[op.new_range()]);
            if let DiffOp::Equal { .. } = op {
                shown.extend(is.iter().map(|line| look.faint(format!("    {}", clip(line, width(look))).trim_end())));
                continue;
            }
            let cut = if was.len() == is.len() { was.iter().zip(is).map(|(a, b)| unchanged(a, b)).collect() } else { Vec::new() };
            for (side, sign, tone) in [(was, '-', Tone::Bad), (is, '+', Tone::Good)] {
                for (i, line) in side.iter().take(LINES).enumerate() {
                    let line = without(line, cut.get(i).copied().unwrap_or_default());
                    shown.push(look.paint(tone, format!("  {sign} {}", clip(&line, width(look))).trim_end()));
                }
                if side.len() > LINES {
                    shown.push(look.faint(&format!("  {sign} … {}", units::count(side.len() - LINES, "more line"))));
                }
            }
        }
    }
    if places.len() > PLACES {
        shown.push(look.faint(&format!("  … {}", units::count(places.len() - PLACES, "more place"))));
    }
    shown
}

fn width(look: &Look) -> usize {
    look.width.max(40) - 16
}

fn lines(part: &str, text: &str) -> Vec<String> {
    if part == "sql" && !text.trim_end().contains('\n') { clauses(text) } else { text.lines().map(str::to_string).collect() }
}

/// How many characters two lines begin with alike, but for the last few of them.
fn unchanged(a: &str, b: &str) -> usize {
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    alike.saturating_sub(BEFORE)
}

fn without(line: &str, count: usize) -> String {
    if count == 0 { line.to_string() } else { std::iter::once('…').chain(line.chars().skip(count)).collect() }
}

/// Words that begin a line, where they are the query's and not a function's.
const CLAUSES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "WITH",
    "JOIN",
    "AND",
    "OR",
    "VALUES",
];
/// Words that stand before `JOIN`.
const JOINS: &[&str] = &["LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "ANTI", "SEMI", "OUTER"];

/// A query in its canonical form, in lines: what is selected, joined, asked for.
fn clauses(sql: &str) -> Vec<String> {
    let words = words(sql);
    let is = |word: Option<&&str>, list: &[&str]| word.is_some_and(|word| list.contains(&word.to_uppercase().as_str()));
    let mut lines: Vec<String> = Vec::new();
    // For each open bracket, whether a query stands in it.
    let mut open: Vec<bool> = Vec::new();
    let (mut breaks, mut between) = (true, false);
    for (i, word) in words.iter().enumerate() {
        let next = words.get(i + 1);
        let joins = is(Some(word), JOINS) && next != Some(&"(");
        let joined = i > 0 && is(words.get(i - 1), JOINS);
        let second = between && word.eq_ignore_ascii_case("and");
        let clause = (is(Some(word), CLAUSES) && !second) || joins;
        let in_query = open.last().copied().unwrap_or(true);
        let begins = breaks || (in_query && clause && !joined);
        match lines.last_mut() {
            Some(line) if !begins => {
                let tight = line.ends_with(['(', '.']) || matches!(*word, ")" | "," | ".");
                line.push_str(if tight { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push((*word).to_string()),
        }
        match *word {
            "(" => open.push(is(next, &["SELECT", "WITH", "VALUES"])),
            ")" => drop(open.pop()),
            _ => {}
        }
        between = (between && !second) || word.eq_ignore_ascii_case("between");
        breaks = word.ends_with(',') && in_query;
    }
    lines
}

/// What single spaces part, outside of quotes and template tags.
fn words(sql: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < sql.len() {
        let rest = &sql[at..];
        let first = rest.chars().next().unwrap_or(' ');
        let close = match first {
            '\'' | '"' | '`' => Some(&rest[..1]),
            '{' if rest.starts_with("{{") => Some("}}"),
            '{' if rest.starts_with("{%") => Some("%}"),
            _ => None,
        };
        if let Some(close) = close {
            let opening = close.len();
            at += rest[opening..].find(close).map_or(rest.len(), |end| opening + end + close.len());
            continue;
        }
        if first == ' ' {
            words.push(&sql[start..at]);
            start = at + 1;
        }
        at += first.len_utf8();
    }
    words.push(&sql[start..]);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::canonical;

    fn shown(part: &str, old: &str, new: &str) -> String {
        hunk(part, old, new, &Look::plain()).join("\n")
    }

    #[test]
    fn what_differs_stands_between_what_is_around_it() {
        assert_eq!(shown("run", "a\nb\nc\n", "a\nx\ny\nc\n"), "run changed, from line 2:\n    a\n  - b\n  + x\n  + y\n    c");
        assert_eq!(shown("run", "a\na\n", "a\na\na\n"), "run changed, from line 3:\n    a\n  + a");
        assert_eq!(shown("run", "", "a\nb\n"), "run changed, from line 1:\n  + a\n  + b");
        let text =
            |changed: &[usize]| (1..=60).map(|i| format!("{i}{}\n", if changed.contains(&i) { "!" } else { "" })).collect::<String>();
        assert_eq!(
            shown("run", &text(&[]), &text(&[1, 20])),
            "run changed, from line 1:\n  - 1\n  + 1!\n    2\n  and from line 20:\n    19\n  - 20\n  + 20!\n    21"
        );
        assert!(shown("run", &text(&[]), &text(&[1, 5, 10, 20, 30, 40])).ends_with("\n  … 2 more places"));
        let long = shown("run", &text(&[]), &text(&(2..=50).collect::<Vec<_>>()));
        assert!(long.contains("  - 7\n  - … 43 more lines\n  + 2!\n") && long.ends_with("  + … 43 more lines\n    51"), "{long}");
    }

    #[test]
    fn long_lines_are_shown_where_they_differ() {
        let line = |end: &str| format!("{}{end}", "x".repeat(200));
        let x = "x".repeat(24);
        assert_eq!(shown("run", &line("a"), &line("b")), format!("run changed:\n  - …{x}a\n  + …{x}b"));
    }

    #[test]
    fn queries_are_broken_at_their_clauses() {
        let sql = "with d as (select a, count(*) as n from t where a between 1 and 2 group by a)
            select d.a, coalesce(n, 0), extract(year from day), 'x, from' as \"a from\", {{ inputs.d | join(' from ') }},
            sum(n) over (partition by a order by b) from d left outer join left(e) on d.a = e.a where left(a, 1) = 'x' order by 1";
        assert_eq!(
            clauses(&canonical(sql)),
            [
                "with d as (",
                "select a,",
                "count (*) as n",
                "from t",
                "where a between 1 and 2",
                "group by a)",
                "select d.a,",
                "coalesce (n, 0),",
                "extract (year from day),",
                "'x, from' as \"a from\",",
                "{{ inputs.d | join(' from ') }},",
                "sum (n) over (partition by a order by b)",
                "from d",
                "left outer join left (e) on d.a = e.a",
                "where left (a, 1) = 'x'",
                "order by 1",
            ]
        );
        for (odd, lines) in
            [("", vec![]), ("'open x", vec!["'open x"]), ("{{ open", vec!["{{ open"]), (") select é", vec![")", "select é"])]
        {
            assert_eq!(clauses(odd), lines);
        }
        assert_eq!(shown("sql", "select {{ t }} , a", "select {{ t }}, a"), "sql changed");
    }
}
