//! Values as people see them.

use std::cell::OnceCell;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Characters of a value that are kept.
const SHOWN: usize = 200;

/// Values as `formake query` prints them.
pub(super) struct Texts<'a> {
    array: &'a ArrayRef,
    formatter: OnceCell<Option<ArrayFormatter<'a>>>,
}

impl<'a> Texts<'a> {
    pub fn of(array: &'a ArrayRef) -> Self {
        Self { array, formatter: OnceCell::new() }
    }

    fn write(&self, at: usize, to: &mut dyn std::fmt::Write) {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new();
        let formatter = self.formatter.get_or_init(|| ArrayFormatter::try_new(self.array, &OPTIONS).ok());
        if let Some(formatter) = formatter {
            // It fails where a cut text goes on, which is well.
            let _ = formatter.value(at).write(to);
        }
    }

    pub fn whole(&self, at: usize) -> String {
        let mut text = String::new();
        self.write(at, &mut text);
        text
    }

    /// Some of the values, where all are of a fixed size.
    pub fn taken(&self, rows: &[u32]) -> Option<ArrayRef> {
        let fixed = self.array.data_type().primitive_width().is_some();
        if fixed { take(self.array, &UInt32Array::from(rows.to_vec()), None).ok() } else { None }
    }

    /// Cut where it is long.
    pub fn at(&self, at: usize) -> String {
        let mut cut = Cut { text: String::new(), left: SHOWN };
        self.write(at, &mut cut);
        cut.text
    }
}

/// The beginning of what is written.
struct Cut {
    text: String,
    left: usize,
}

impl std::fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if text.len() <= self.left {
            self.text.push_str(text);
            self.left -= text.len();
            return Ok(());
        }
        for c in text.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(std::fmt::Error);
            }
            self.text.push(c);
            self.left -= 1;
        }
        Ok(())
    }
}

/// A text, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let mut cut = Cut { text: String::new(), left: SHOWN };
    let _ = std::fmt::Write::write_str(&mut cut, text);
    cut.text
}
