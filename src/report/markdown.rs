//! Pieces of Markdown, as the review pages of GitHub and GitLab read it.

/// A text as code: nothing in it means anything, also in a table's cell.
pub fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Lines as a block of code that no line ends early.
pub fn block(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// What is shown when somebody clicks on the summary, which is plain text.
pub fn folded(summary: &str, body: &str) -> String {
    let summary = summary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n", body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(block("diff", &["- a".into(), "+ ```".into()]), "````diff\n- a\n+ ```\n````\n");
        assert_eq!(folded("a <b>", "text\n"), "<details><summary>a &lt;b&gt;</summary>\n\ntext\n\n</details>\n");
    }
}
