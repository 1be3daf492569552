//! DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::{Kind, Picture};

pub fn render(picture: &Picture) -> String {
    let mut out = String::from(
        "digraph formake {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#475569\", fontname=\"Helvetica\"];\n  edge [color=\"#64748b\"];\n",
    );
    for (at, node) in picture.boxes.iter().enumerate() {
        let text = std::iter::once(&node.title).chain(&node.lines).map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
        let style = match node.kind {
            Kind::Made => "",
            Kind::Source => ", shape=cylinder, style=filled, fillcolor=\"#e8f1fb\", color=\"#4a7fc1\"",
            Kind::Published => ", fillcolor=\"#fdf3e1\", color=\"#c98a1b\"",
            Kind::Held => ", fillcolor=\"#f0e9fa\", color=\"#8155ba\"",
            Kind::Blocked => ", fillcolor=\"#fde8e8\", color=\"#c53030\"",
        };
        let _ = writeln!(out, "  n{at} [label=\"{text}\"{style}];");
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
