//! How text is dressed: colour, width, time zone; and aligned columns.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;

/// What the reader's side can show.
#[derive(Clone, Debug)]
pub struct Look {
    pub color: bool,
    /// Columns of the terminal; lines are clipped to it where clipping loses nothing that matters.
    pub width: usize,
    /// Of the times at which things happened. (Times *in* identities have none.)
    pub zone: TimeZone,
}

/// What a piece of text is for; the colour follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    Plain,
    Strong,
    /// Present, and not the point.
    Faint,
    Good,
    Attention,
    Bad,
    /// Names that can be typed back.
    Name,
}

/// [`Look::plain`].
impl Default for Look {
    fn default() -> Self {
        Self::plain()
    }
}

impl Look {
    /// No colour, 100 columns, UTC.
    pub fn plain() -> Self {
        Self { color: false, width: 100, zone: TimeZone::UTC }
    }

    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_string(),
            _ if !self.color || text.is_empty() => return text.to_string(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Attention => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Name => AnsiColor::Cyan.on_default(),
        };
        format!("{style}{text}{style:#}")
    }

    pub fn faint(&self, text: &str) -> String {
        self.paint(Tone::Faint, text)
    }

    pub fn strong(&self, text: &str) -> String {
        self.paint(Tone::Strong, text)
    }

    pub fn name(&self, text: &str) -> String {
        self.paint(Tone::Name, text)
    }
}

/// Cuts a text to `width` characters, the last one then being `…`.
pub fn clip(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_string(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Rows whose cells stand below each other.
#[derive(Default)]
pub struct Columns {
    rows: Vec<Vec<Cell>>,
}

pub struct Cell {
    tone: Tone,
    text: String,
    right: bool,
}

/// A cell; see [`Cell::right`].
pub fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { tone, text: text.into(), right: false }
}

impl Cell {
    /// Numbers stand right.
    #[must_use]
    pub fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

impl Columns {
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Two spaces between columns; what is empty in every row takes no room; no line ends in spaces.
    pub fn render(&self, look: &Look, indent: usize) -> Vec<String> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |i: usize| self.rows.iter().filter_map(|row| row.get(i)).map(|c| c.text.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..count).map(width).collect();
        let mut lines = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            // Padding is written before the next text, so that none trails.
            let mut owed = 0;
            for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
                let missing = width - cell.text.chars().count();
                if !cell.text.is_empty() {
                    let _ = write!(line, "{:1$}", "", owed + if cell.right { missing } else { 0 });
                    line.push_str(&look.paint(cell.tone, &cell.text));
                    owed = 2 + if cell.right { 0 } else { missing };
                } else {
                    owed += 2 + width;
                }
            }
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_leave_no_trailing_space() {
        let mut columns = Columns::default();
        columns.row([cell(Tone::Plain, "a"), cell(Tone::Plain, ""), cell(Tone::Plain, "5").right(), cell(Tone::Plain, "x")]);
        columns.row([cell(Tone::Plain, "long"), cell(Tone::Plain, ""), cell(Tone::Plain, "123").right(), cell(Tone::Plain, "")]);
        assert_eq!(columns.render(&Look::plain(), 2), ["  a       5  x", "  long  123"]);
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        let look = Look { color: true, ..Look::plain() };
        assert_eq!(Look::plain().paint(Tone::Bad, "x"), "x");
        assert_ne!(look.paint(Tone::Bad, "x"), "x");
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 3), "äö…");
    }
}
