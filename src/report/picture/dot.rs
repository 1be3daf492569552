//! DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::{Kind, Picture};

pub fn render(picture: &Picture) -> String {
    let mut out = String::from(
        "digraph formake {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#475569\", fontname=\"Helvetica\"];\n  edge [color=\"#64748b\"];\n",
    );
    for (at, node) in picture.boxes.iter().enumerate() {
        let text = std::iter::once(&node.title).chain(&node.lines).map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
        let shape = if node.kind == Kind::Source { ", shape=cylinder, style=filled" } else { "" };
        let colors = node.kind.colors().map(|(fill, stroke)| format!(", fillcolor=\"{fill}\", color=\"{stroke}\"")).unwrap_or_default();
        let _ = writeln!(out, "  n{at} [label=\"{text}\"{shape}{colors}];");
    }
    for arrow in &picture.arrows {
        let style = if arrow.optional { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  n{} -> n{}{style};", arrow.from, arrow.to);
    }
    out + "}\n"
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_escaped() {
        let text = super::render(&super::super::tests::hostile());
        assert!(text.contains("n0 [label=\"raw \\\"a\\\" <b>\\nraw/<DATE>.csv\", shape=cylinder"), "{text}");
        assert!(text.contains("n2 [label=\"back\\\\slash\\nper day]\""), "{text}");
        assert!(text.contains("n1 -> n2 [style=dashed];"), "{text}");
    }
}
