//! SVG: layout-rs places boxes and bends arrows, and this file draws them.

use std::fmt::Write as _;

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::{Point, Position};
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow as Line, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::{Node, Picture};

/// More boxes than this are a tangle that nobody reads, and take long to place.
pub const MOST: usize = 150;

/// A picture with more boxes than [`MOST`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{boxes} boxes are too many for a picture that can be read; {MOST} is the limit")]
pub struct TooBig {
    pub boxes: usize,
}

const TITLE: f64 = 14.0;
const SMALL: f64 = 11.0;
/// Mean width of a character by its height, of the fonts named below.
const RATIO: f64 = 0.58;
const PADDING: f64 = 14.0;
const LEADING: f64 = 1.4;
const MARGIN: f64 = 16.0;

/// Draws a picture from left to right.
pub fn render(picture: &Picture) -> Result<String, TooBig> {
    if picture.boxes.len() > MOST {
        return Err(TooBig { boxes: picture.boxes.len() });
    }
    let mut canvas = Canvas { picture, body: String::new(), low: Point::splat(f64::MAX), high: Point::splat(f64::MIN) };
    if !picture.boxes.is_empty() {
        let mut graph = VisualGraph::new(Orientation::LeftToRight);
        let handles: Vec<_> = picture.boxes.iter().enumerate().map(|(at, node)| graph.add_node(element(at, node))).collect();
        for arrow in &picture.arrows {
            let style = if arrow.optional { LineStyleKind::Dashed } else { LineStyleKind::Normal };
            let line = Line::new(LineEndKind::None, LineEndKind::Arrow, style, "", &StyleAttr::simple(), &None, &None);
            graph.add_edge(line, handles[arrow.from], handles[arrow.to]);
        }
        graph.do_it(false, false, false, &mut canvas);
    }
    Ok(canvas.finish())
}

/// A box as the layout sees it: its size, and its number, by which it is drawn.
fn element(at: usize, node: &Node) -> Element {
    let width = |text: &str, size: f64| text.chars().count() as f64 * size * RATIO;
    let widest = node.lines.iter().map(|line| width(line, SMALL)).fold(width(&node.title, TITLE) * 1.08, f64::max);
    let height = (TITLE + node.lines.len() as f64 * SMALL) * LEADING;
    let size = Point::new(widest + 2.0 * PADDING, height + PADDING);
    Element {
        shape: ShapeKind::new_box(""),
        pos: Position::new(Point::zero(), size, Point::zero(), Point::new(64.0, 22.0)),
        look: StyleAttr::simple(),
        orientation: Orientation::LeftToRight,
        properties: Some(at.to_string()),
    }
}

struct Canvas<'a> {
    picture: &'a Picture,
    body: String,
    /// Corners of what was drawn.
    low: Point,
    high: Point,
}

impl Canvas<'_> {
    fn reach(&mut self, point: Point) {
        self.low = Point::new(self.low.x.min(point.x), self.low.y.min(point.y));
        self.high = Point::new(self.high.x.max(point.x), self.high.y.max(point.y));
    }

    fn finish(self) -> String {
        let (low, high) = if self.low.x > self.high.x { (Point::zero(), Point::zero()) } else { (self.low, self.high) };
        let (x, y) = (low.x - MARGIN, low.y - MARGIN);
        let (width, height) = (high.x - low.x + 2.0 * MARGIN, high.y - low.y + 2.0 * MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"{x:.0} {y:.0} {width:.0} {height:.0}\">\n\
             <style>text {{ font-family: Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif; text-anchor: middle; }} \
             .title {{ font-size: {TITLE}px; font-weight: 600; fill: #1e293b; }} .small {{ font-size: {SMALL}px; fill: #64748b; }} \
             .arrow {{ fill: none; stroke: #94a3b8; stroke-width: 1.5; }} .optional {{ stroke-dasharray: 5 4; }}</style>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\">\
             <path d=\"M0 0.5 L8 4 L0 7.5 z\" fill=\"#94a3b8\"/></marker></defs>\n\
             <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

impl RenderBackend for Canvas<'_> {
    fn draw_rect(&mut self, xy: Point, size: Point, _: &StyleAttr, properties: Option<String>, _: Option<ClipHandle>) {
        let Some(node) = properties.and_then(|at| self.picture.boxes.get(at.parse::<usize>().ok()?)) else { return };
        self.reach(xy);
        self.reach(xy.add(size));
        let (fill, stroke) = node.kind.colors().unwrap_or(("#f8fafc", "#64748b"));
        let Point { x, y } = xy;
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.5\"/>",
            size.x, size.y
        );
        let middle = x + size.x / 2.0;
        let mut base = y + PADDING / 2.0 + TITLE * 1.1;
        let _ = writeln!(self.body, "<text class=\"title\" x=\"{middle:.1}\" y=\"{base:.1}\">{}</text>", escaped(&node.title));
        base += (TITLE - SMALL) * 0.4;
        for line in &node.lines {
            base += SMALL * LEADING;
            let _ = writeln!(self.body, "<text class=\"small\" x=\"{middle:.1}\" y=\"{base:.1}\">{}</text>", escaped(line));
        }
    }

    fn draw_arrow(&mut self, path: &[(Point, Point)], dashed: bool, head: (bool, bool), _: &StyleAttr, _: Option<String>, _: &str) {
        let [first, second, rest @ ..] = path else { return };
        path.iter().for_each(|(a, b)| {
            self.reach(*a);
            self.reach(*b);
        });
        let mut d = format!(
            "M{:.1} {:.1} C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            first.0.x, first.0.y, first.1.x, first.1.y, second.0.x, second.0.y, second.1.x, second.1.y
        );
        for (a, b) in rest {
            let _ = write!(d, " S{:.1} {:.1} {:.1} {:.1}", a.x, a.y, b.x, b.y);
        }
        let class = if dashed { "arrow optional" } else { "arrow" };
        let start = if head.0 { " marker-start=\"url(#head)\"" } else { "" };
        let end = if head.1 { " marker-end=\"url(#head)\"" } else { "" };
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"{d}\"{start}{end}/>");
    }

    // Boxes draw their own text, and nothing else is asked for.
    fn draw_text(&mut self, _: Point, _: &str, _: &StyleAttr) {}
    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_arrows_have_heads() {
        let svg = render(&super::super::tests::hostile()).expect("small");
        assert!(svg.contains(">raw \"a\" &lt;b&gt;</text>") && svg.contains(">sql &amp; more #1</text>"), "{svg}");
        assert_eq!(svg.matches("marker-end").count(), 2);
        assert_eq!(svg.matches("arrow optional").count(), 1);
    }

    #[test]
    fn too_many_boxes_are_refused_and_none_are_a_picture() {
        let node = super::super::tests::hostile().boxes.remove(0);
        let picture = Picture { boxes: vec![node; MOST + 1], arrows: vec![] };
        assert_eq!(render(&picture), Err(TooBig { boxes: MOST + 1 }));
        assert!(render(&Picture::default()).expect("small").ends_with("</svg>\n"));
    }
}
