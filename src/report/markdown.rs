//! Pieces of Markdown, as the review pages of GitHub and GitLab read it.

/// A text as code: nothing in it is read as Markdown, as HTML or as somebody's name.
pub fn code(text: &str) -> String {
    let text = visible(text);
    let ticks = "`".repeat(backticks(&text) + 1);
    let blank = if ticks.len() > 1 || text.is_empty() || text.starts_with(' ') || text.ends_with(' ') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// The same in a table, where a bar ends a cell even in code.
pub fn cell(text: &str) -> String {
    code(&text.replace('|', "\\|"))
}

/// A text in one line. What cannot be seen, or turns the direction of what follows, is no part of a name.
pub fn visible(text: &str) -> String {
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars()
        .map(|c| {
            if matches!(c, '\t' | '\n' | '\r') {
                ' '
            } else if hidden(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// The longest row of backticks.
fn backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Lines as a block of code that no line ends early.
pub fn block(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| backticks(line)).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// What is shown when somebody clicks on the summary, which is plain text.
pub fn folded(summary: &str, body: &str) -> String {
    let summary = visible(summary).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n", body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!((code("a|b"), cell("a|b")), ("`a|b`".into(), "`a\\|b`".into()));
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a``\n`\u{202e}b"), "``` a`` `\u{fffd}b ```");
        assert_eq!(block("diff", &["- a".into(), "+ ```".into()]), "````diff\n- a\n+ ```\n````\n");
        assert_eq!(folded("a <b>", "text\n"), "<details><summary>a &lt;b&gt;</summary>\n\ntext\n\n</details>\n");
    }
}
