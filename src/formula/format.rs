//! One canonical layout for every file.
//!
//! What is true here: formatting twice gives the same as once; what is written means the same; every comment is kept. A comment behind
//! something on its line stays behind it; one on its own line stays above what follows; one inside a tuple or a list moves above it.
//! Blank lines between statements and between properties are kept, at most one.

use super::ast::*;
use super::spell;

/// Lines are broken where they would be longer, in characters; quoted texts are never broken.
const WIDTH: usize = 100;
const INDENT: usize = 4;

/// The canonical text of a file. `file` is what [`super::parse::parse`] gave for `text`, without errors: what could not be read is not written.
pub fn format(text: &str, file: &File) -> String {
    let mut layout = Layout { text, comments: &file.comments, out: String::new(), indent: 0, opened: true };
    for item in &file.items {
        layout.item(item);
    }
    layout.comments_before(text.len());
    layout.out
}

struct Layout<'a> {
    text: &'a str,
    /// Those not yet written.
    comments: &'a [Comment],
    /// Complete lines, but for the one being written.
    out: String,
    indent: usize,
    /// Nothing was written yet in this file or block: no blank line may come.
    opened: bool,
}

impl Layout<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Formula(formula) => self.formula(formula),
            Item::Source(source) => {
                let end = source.from.as_ref().map_or(source.tuple.span.end, |from| from.span.end);
                self.begin(source.span.start, end, true);
                let tuple = format!("source {}", spell::tuple(&source.tuple, self.text));
                let from = source.from.as_ref().map(|from| format!("from {}", &self.text[from.span.start..from.span.end]));
                let short = self.fits(&format!("{tuple} {} {{", from.as_deref().unwrap_or_default()));
                self.write(&tuple);
                if let Some(from) = &from {
                    self.write(&if short { format!(" {from}") } else { format!("\n{}{from}", " ".repeat(self.indent + INDENT)) });
                }
                self.properties(&source.properties, end, source.span.end, short);
            }
            Item::For(block) => {
                self.begin(block.span.start, block.set.span.end, true);
                self.write(&format!("for {} in {}", block.variable.node, block.set.node));
                if block.items.is_empty() && !self.comment_within(block.set.span.end, block.span.end) {
                    self.write(" {}");
                } else {
                    self.open(block.set.span.end);
                    block.items.iter().for_each(|item| self.item(item));
                    self.close(block.span.end);
                }
                self.end_line(block.span.end, "");
            }
            Item::Defaults { properties, span } => {
                let end = span.start + "defaults".len();
                self.begin(span.start, end, true);
                self.write("defaults");
                if properties.is_empty() && !self.comment_within(end, span.end) {
                    self.write(" {}");
                }
                self.properties(properties, end, span.end, true);
            }
            Item::Include { pattern, span } => {
                self.begin(span.start, span.end, true);
                self.write(&format!("include {}", &self.text[pattern.span.start..pattern.span.end]));
                self.end_line(span.end, "");
            }
            Item::Let { name, value, span } => {
                self.begin(span.start, span.end, true);
                self.write(&format!("let {} = {}", name.node, spell::literal(value, self.text)));
                self.end_line(span.end, "");
            }
        }
    }

    /// On one line where it fits; else one or two inputs on a line and the outputs on the next; else each input on a line of its own.
    fn formula(&mut self, formula: &Formula) {
        let Formula { inputs, outputs, properties, span, head } = formula;
        let ins: Vec<String> = inputs.iter().map(|input| self.input(input, &[])).collect();
        let outs: Vec<String> = outputs.iter().map(|output| spell::output(output, self.text)).collect();
        let first = inputs.first().map(|input| input.span).or(outputs.first().map(|output| output.span)).map_or(head.end, |span| span.end);
        let commented = self.comment_within(first, head.end);
        let arrow = format!("-> {}", outs.join(" + "));
        let line = if ins.is_empty() { arrow } else { format!("{} {arrow}", ins.join(" + ")) };

        self.begin(span.start, first, true);
        if !commented && self.fits(&format!("{line} {{")) {
            self.write(&line);
            return self.properties(properties, head.end, span.end, true);
        }
        let joined = ins.join(" + ");
        if !commented && inputs.len() <= 2 && self.fits(&joined) {
            self.write(&joined);
        } else {
            let rows = self.aligned(inputs).unwrap_or(ins);
            for (index, (input, row)) in inputs.iter().zip(&rows).enumerate() {
                if index > 0 {
                    self.begin(input.span.start, input.span.end, false);
                }
                self.write(row);
                if index + 1 < inputs.len() {
                    self.write(" +");
                    self.end_line(input.span.end, "+");
                }
            }
        }
        self.outputs(inputs, outputs, &outs, commented);
        self.properties(properties, head.end, span.end, false);
    }

    /// The arrow and all behind it.
    fn outputs(&mut self, inputs: &[Input], outputs: &[Output], outs: &[String], commented: bool) {
        let margin = self.indent;
        if let Some(last) = inputs.last() {
            self.end_line(last.span.end, "");
            self.indent += INDENT;
        }
        let line = format!("-> {}", outs.join(" + "));
        let one_line = !commented && self.fits(&format!("{line} {{"));
        for (index, (output, out)) in outputs.iter().zip(outs).enumerate() {
            if index > 0 || !inputs.is_empty() {
                self.begin(output.span.start, output.span.end, false);
            }
            self.write(match index {
                _ if one_line => &line,
                0 => "-> ",
                _ => "   ",
            });
            if one_line {
                break;
            }
            self.write(out);
            if index + 1 < outputs.len() {
                self.write(" +");
                self.end_line(output.span.end, "+");
            }
        }
        self.indent = margin;
    }

    fn input(&self, input: &Input, tuples: &[String]) -> String {
        if tuples.is_empty() {
            let tuples: Vec<String> = input.alternatives.iter().map(|alternative| spell::tuple(&alternative.tuple, self.text)).collect();
            return spell::input(input, &tuples, self.text);
        }
        spell::input(input, tuples, self.text)
    }

    /// Inputs with their tuples' parts in columns; `None` where that would be too wide. Those with alternatives or without instance keep out.
    fn aligned(&self, inputs: &[Input]) -> Option<Vec<String>> {
        let cells: Vec<Option<Vec<String>>> = inputs
            .iter()
            .map(|input| match &input.alternatives[..] {
                [only] => Some(spell::cells(&only.tuple, self.text)).filter(|cells| cells.len() == 4),
                _ => None,
            })
            .collect();
        let width = |column: usize| cells.iter().flatten().map(|cells| width(&cells[column])).max().unwrap_or(0) + 1;
        let (class, instance, label) = (width(0), width(1), width(2));
        let rows: Vec<String> = inputs
            .iter()
            .zip(&cells)
            .map(|(input, cells)| match cells {
                None => self.input(input, &[]),
                Some(cells) => {
                    let cell = |index: usize| format!("{},", cells[index]);
                    let tuple = format!("({:class$} {:instance$} {:label$} {})", cell(0), cell(1), cell(2), cells[3]);
                    self.input(input, &[tuple])
                }
            })
            .collect();
        rows.iter().all(|row| self.fits(&format!("{row} +"))).then_some(rows)
    }

    /// The block of a formula, a source or `defaults`, whose head ended at `head`, and the end of its line.
    fn properties(&mut self, properties: &[Property], head: usize, end: usize, one_line_head: bool) {
        let commented = self.comment_within(head, end);
        if let ([only], true, false) = (properties, one_line_head, commented) {
            let block = format!(" {{ {} }}", spelled(only, only.name.node.len(), self.text));
            let line = self.out.rsplit('\n').next().unwrap_or_default();
            if !block.contains('\n') && width(line) + width(&block) <= WIDTH {
                self.write(&block);
                return self.end_line(end, "");
            }
        }
        if !properties.is_empty() || commented {
            self.open(head);
            let named = properties.iter().filter(|property| !property.arguments.is_empty());
            let column = named.map(|property| property.name.node.len()).max().unwrap_or(0);
            for property in properties {
                self.property(property, column);
            }
            self.close(end);
        }
        self.end_line(end, "");
    }

    fn property(&mut self, property: &Property, column: usize) {
        self.begin(property.span.start, property.span.end, true);
        let line = spelled(property, column, self.text);
        let margin = " ".repeat(self.indent);
        match &property.arguments[..] {
            _ if line.contains('\n') || self.fits(&line) => self.write(&line),
            [Argument::Columns(columns)] => {
                self.write(&format!("{:column$} (\n", property.name.node));
                let column = |column| format!("{margin}{}{}", " ".repeat(INDENT), spell::column(column, self.text));
                let columns = columns.iter().map(column).collect::<Vec<_>>().join(",\n");
                self.write(&format!("{columns}\n{margin})"));
            }
            // A bare word at a line's beginning could be taken for the next property.
            arguments if arguments.iter().all(|argument| matches!(argument, Argument::Named { .. }) || is_quoted(argument)) => {
                let lines = spell::arguments(property, self.text);
                let separators =
                    lines.iter().map(|line| if line.ends_with(',') { format!("\n{margin}{:column$} ", "") } else { " ".into() });
                let broken: String = lines.iter().zip(separators).map(|(line, separator)| format!("{line}{separator}")).collect();
                self.write(&format!("{:column$} {}", property.name.node, broken.trim_end()));
            }
            _ => self.write(&line),
        }
        self.end_line(property.span.end, "");
    }

    /// ` {`, behind a head that ended at `head`.
    fn open(&mut self, head: usize) {
        self.write(" {");
        self.end_line(head, "{");
        self.indent += INDENT;
        self.opened = true;
    }

    /// `}`, for a block that ends at `end`.
    fn close(&mut self, end: usize) {
        self.comments_before(end);
        self.indent -= INDENT;
        self.opened = false;
        self.write(&format!("{}}}", " ".repeat(self.indent)));
    }

    /// Begins a line with what stands in the file from `start` to `end`, below the comments before it and those inside it.
    fn begin(&mut self, start: usize, end: usize, blanks: bool) {
        let mut blank = blanks && self.blank_before(start);
        while let Some(comment) = self.comments.first().filter(|comment| comment.span.start < start) {
            self.own_line(comment, blanks && self.blank_before(comment.span.start));
        }
        while let Some(comment) = self.comments.first().filter(|comment| comment.span.start < end) {
            self.own_line(comment, blank);
            blank = false;
        }
        self.margin(blank);
    }

    /// The comments before a place, each on its own line.
    fn comments_before(&mut self, at: usize) {
        while let Some(comment) = self.comments.first().filter(|comment| comment.span.start < at) {
            self.own_line(comment, self.blank_before(comment.span.start));
        }
    }

    fn own_line(&mut self, comment: &Comment, blank: bool) {
        self.comments = &self.comments[1..];
        self.margin(blank);
        self.write(&format!("#{}\n", comment.text));
    }

    fn margin(&mut self, blank: bool) {
        if blank && !self.opened {
            self.out.push('\n');
        }
        self.opened = false;
        self.out.extend(std::iter::repeat_n(' ', self.indent));
    }

    /// Ends the line of what ended at `end` in the file, with the comment that stands behind it there; of other text, only `sign` may be
    /// between the two.
    fn end_line(&mut self, end: usize, sign: &str) {
        if let Some(comment) = self.comments.first() {
            let between = self.text.get(end..comment.span.start).unwrap_or("\n");
            if !between.contains('\n') && [sign, ""].contains(&between.trim()) {
                self.comments = &self.comments[1..];
                self.write(&format!("  #{}", comment.text));
            }
        }
        self.out.push('\n');
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn fits(&self, line: &str) -> bool {
        self.indent + width(line) <= WIDTH
    }

    fn comment_within(&self, start: usize, end: usize) -> bool {
        self.comments.iter().take_while(|comment| comment.span.start < end).any(|comment| comment.span.start >= start)
    }

    /// Whether an empty line stands before a place in the file.
    fn blank_before(&self, at: usize) -> bool {
        let before = &self.text[..at];
        before[before.trim_end().len()..].matches('\n').count() > 1
    }
}

/// A property on one line, its arguments behind `column` characters of name.
fn spelled(property: &Property, column: usize, text: &str) -> String {
    let arguments = spell::arguments(property, text).join(" ");
    let name = &property.name.node;
    if arguments.is_empty() { name.clone() } else { format!("{name:column$} {arguments}") }
}

fn is_quoted(argument: &Argument) -> bool {
    matches!(argument, Argument::Value(Spanned { node: Literal::Text(Text { quoting: Quoting::Double | Quoting::Triple, .. }), .. }))
}

fn width(text: &str) -> usize {
    text.chars().count()
}
