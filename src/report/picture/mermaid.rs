//! Mermaid, as GitHub and many wikis draw it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Kind, Picture};

pub fn render(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, node) in picture.boxes.iter().enumerate() {
        let text = std::iter::once(&node.title).chain(&node.lines).map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>");
        let (open, close) = match node.kind {
            Kind::Source => ("[(", ")]"),
            Kind::Published => ("([", "])"),
            _ => ("[", "]"),
        };
        let _ = writeln!(out, "  n{at}{open}\"{text}\"{close}");
    }
    for arrow in &picture.arrows {
        let _ = writeln!(out, "  n{} {} n{}", arrow.from, if arrow.optional { "-.->" } else { "-->" }, arrow.to);
    }
    let kinds: BTreeSet<Kind> = picture.boxes.iter().map(|node| node.kind).collect();
    for (kind, (fill, stroke)) in kinds.into_iter().filter_map(|kind| Some((kind, kind.colors()?))) {
        let of_kind = picture.boxes.iter().enumerate().filter(|(_, node)| node.kind == kind).map(|(at, _)| format!("n{at}"));
        let name = format!("{kind:?}").to_lowercase();
        let of_kind = of_kind.collect::<Vec<_>>().join(",");
        let _ = writeln!(out, "  classDef {name} fill:{fill},stroke:{stroke}\n  class {of_kind} {name}");
    }
    out
}

/// Mermaid's own entities: a quoted label may hold anything but these.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | ';' | '\\' | '`' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
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
        let expected = "\
flowchart LR
  n0[(\"raw #34;a#34; #60;b#62;<br/>raw/#60;DATE#62;.csv\")]
  n1[\"clean#59; end<br/>sql #38; more #35;1\"]
  n2[\"back#92;slash<br/>per day]\"]
  n0 --> n1
  n1 -.-> n2
  classDef source fill:#e8f1fb,stroke:#4a7fc1
  class n0 source
  classDef held fill:#f0e9fa,stroke:#8155ba
  class n2 held
";
        assert_eq!(super::render(&super::super::tests::hostile()), expected);
    }
}
