//! Parsing and formatting, judged from outside.

use super::ast::*;

use super::format::format;
use super::parse::parse;

fn read(text: &str) -> File {
    let (file, errors) = parse(FileId(0), text);
    assert!(errors.is_empty(), "{errors:#?}\nin\n{text}");
    file
}

/// The errors as one text: code, message, what is underlined and the label, help.
fn errors(text: &str) -> String {
    let (_, errors) = parse(FileId(0), text);
    assert_eq!(errors.len(), 1, "one mistake, one error: {text}\n{errors:#?}");
    let mut out = String::new();
    for error in errors {
        let place = &text[error.span().start..error.span().end];
        out += &format!("{} {} [{place}: {}]\n", error.code, error.message, error.places[0].1);
        for help in &error.help {
            out += &format!("    {help}\n");
        }
    }
    out
}

const MANUAL: &str = r#"
# the founding example: it parses as it stands
(Customers,      <DATE1>, prod, dl) +
(Billing,        <DATE1>, prod, dl) +
(SupportTickets, <DATE1>, prod, dl)    -> (churn_features, <DATE1>, prod, dl) {
    doc    "one row per customer, as of the day"
    sql    "jobs/churn_features.sql"
}
(sales, storeId=<STORE>,<DATE>, prod, dl) -> (clean, storeId=<STORE>,<DATE>, prod, dl)
(clean, storeId=<STORE in stores>,<DATE>, prod, dl) -> (report, <DATE>, prod, dl)
(eur, storeId=<S in shops>,<DATE>, prod, {{ S.repository }}) -> (x.{{ a }}_b, r=<R in 1..2>, prod, dl)
(a, <D in DATE-6d..DATE>, prod, dl) + (b, <D in MONTH>, prod, dl) + (b, <H: hour in DATE>, prod, dl)
    -> (c, prod, dl)
(a, <latest D in DATE - 3d..DATE>, prod, dl)
 + (a, <latest C in M>, prod, dl) + (a, <DATE.month-1mo>, prod, dl)
 + (a, <any D in DATE-6d..DATE>, <any S in stores>, prod, dl) + (a, storeId=*, prod, dl)
 -> (out, <DATE>, prod, dl) at "out/<DATE>.txt"
(prices, <DATE>, prod, dl)? | (b, country="United Kingdom", 2024-01-31T05:30, prod, dl)? as x at "in/x" -> (y, prod, dl) as z
-> (calendar, <Y: year>, prod, dl) {
    sql """
      select 1 -- "quoted" # no comment
    """
    format csv
}
(x, <D>, prod, dl) -> (x, <D>, prod, dw) { copy }
-> (a, prod, dl) + (b, prod, dl) {
    columns (id int, price decimal(10, 2), "Order ID" timestamp with time zone)
    param a = 1, b = [1, 2.5, "x", [true]], c = {{ store.c }}
    retry 3 every 30s
    needs cpu = 2, memory = "4GiB"
    since 2024-01-01   # why
    tags a, b
    every "0 0 * * *"
    uses "a.py",
         "b.py"
    on slurm
}
for store in shops {
    (sales, storeId={{ store.id }},<DATE>, prod, {{ store.repository }}) + (fx, <DATE>, prod, dl)
        -> (sales_eur, storeId={{ store.id }},<DATE>, prod, {{ store.repository }}) {
        sql   "jobs/sales_eur.sql"
        param currency = "{{ store.currency }}"
    }
}
source (Customers, <DATE>, prod, dl) from "raw/customers/<DATE:%Y/%m/%d>.csv" {
    ready "_SUCCESS"
}
source (seed, prod, dl)
defaults { owner "team" }
include "teams/*.formula"
let lag = 3
"#;

#[test]
fn every_form_of_the_manual_is_read() {
    let file = read(MANUAL);
    assert_eq!(file.items.len(), 16);
    assert_eq!(file.comments.len(), 2);
    let Item::Formula(founding) = &file.items[0] else { panic!("a formula") };
    assert_eq!(founding.inputs.len(), 3);
    assert!(MANUAL[founding.head.start..founding.head.end].ends_with("-> (churn_features, <DATE1>, prod, dl)"));
    assert_eq!(founding.properties[1].name.node, "sql");
    let Item::Formula(rich) = &file.items[9] else { panic!("a formula") };
    assert_eq!(rich.outputs.len(), 2);
    assert_eq!(rich.properties[2].arguments.len(), 3, "{:?}", rich.properties[2]);
    assert!(matches!(
        &rich.properties[1].arguments[2],
        Argument::Named { value: Spanned { node: Literal::Text(Text { quoting: Quoting::Bare, .. }), .. }, .. }
    ));
    let Argument::Columns(columns) = &rich.properties[0].arguments[0] else { panic!("columns") };
    assert_eq!((columns[1].1.node.as_str(), columns[2].0.node.as_str()), ("decimal(10, 2)", "Order ID"));
}

#[test]
fn one_mistake_hides_nothing_else() {
    let text = "(a prod, dl) -> (b, prod, dl)\n\nsorce (c, prod, dl)\n(d, prod, dl) -> (e, prod, dl) { copy }\n(f, prod, dl -> (g, prod, dl) {\n  copy\n}\n-> (h, prod, dl) {\n  sql: \"x\"\n}\n-> (i, prod, dl) { copy }\n";
    let (file, found) = parse(FileId(0), text);
    assert_eq!(file.items.len(), 2);
    let codes: Vec<&str> = found.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["E0105", "E0102", "E0109", "E0106"]);
}

#[test]
fn every_mistake_has_its_reason() {
    let mut out = String::new();
    for bad in MISTAKES {
        out += &format!("{bad}\n=> {}\n", errors(bad).replace('\n', "\n   "));
    }
    insta::assert_snapshot!(out);
}

/// Typical mistakes, each in the smallest file that has it.
const MISTAKES: &[&str] = &[
    "(a, prod, dl) => (b, prod, dl)",
    "(a, prod, dl) --> (b, prod, dl)",
    "(a, prod, dl)",
    "(a, prod, dl)\n(b, prod, dl) -> (c, prod, dl)",
    "(a, prod, dl) (b, prod, dl) -> (c, prod, dl)",
    "(a, prod, dl), (b, prod, dl) -> (c, prod, dl)",
    "(a, prod, dl) + -> (c, prod, dl)",
    "(a, prod, dl) ->",
    "(a, prod, dl) -> {\n copy\n}",
    "(a, dl) -> (c, prod, dl)",
    "(a) -> (c, prod, dl)",
    "() -> (c, prod, dl)",
    "(a, prod, dl,) -> (c, prod, dl)",
    "(a, , dl) -> (c, prod, dl)",
    "(a, <D> prod, dl) -> (c, prod, dl)",
    "(a, <D>, prod dl) -> (c, prod, dl)",
    "(a, <D, prod, dl) -> (c, prod, dl)",
    "(a, <D:%Y>, prod, dl) -> (c, prod, dl)",
    "(a, <D * 2>, prod, dl) -> (c, prod, dl)",
    "(a, <D - 1x>, prod, dl) -> (c, prod, dl)",
    "(a, <D.moth>, prod, dl) -> (c, prod, dl)",
    "(a, <D in>, prod, dl) -> (c, prod, dl)",
    "(a, <in>, prod, dl) -> (c, prod, dl)",
    "(a, <>, prod, dl) -> (c, prod, dl)",
    "(a, <D>, <L>, dl) -> (c, prod, dl)",
    "(a, <D>, x=prod, dl) -> (c, prod, dl)",
    "(a, 'x y', prod, dl) -> (c, prod, dl)",
    "(a, x y, prod, dl) -> (c, prod, dl)",
    "(a, x/y, prod, dl) -> (c, prod, dl)",
    "(a@2024-01-01:prod/dl) -> (c, prod, dl)",
    "(a, \"x, prod, dl) -> (c, prod, dl)",
    "(a, {{ x, prod, dl) -> (c, prod, dl)",
    "(a, any, prod, dl) -> (c, prod, dl)",
    "(a, prod, dl) -> (c, prod, dl)?",
    "(a, prod, dl) -> (c, prod, dl) -> (d, prod, dl)",
    "(a, prod, dl) at \"x\" as y -> (d, prod, dl)",
    "(a, prod, dl) as a-b -> (d, prod, dl)",
    "-> (d, prod, dl) {\n  sql \"x\"\n",
    "-> (d, prod, dl) {\n  sql \"x\"\n(e, prod, dl) -> (f, prod, dl)",
    "-> (d, prod, dl) {\n  sql \"\"\"x\n}\n(e, prod, dl) -> (f, prod, dl)\n { run \"\"\"\nx\"\"\" }",
    "-> (d, prod, dl) { copy } }",
    "-> (d, prod, dl) {\n sql = \"x\"\n}",
    "-> (d, prod, dl) {\n threshold = 0.5\n}",
    "-> (d, prod, dl) {\n param a = 1 b = 2\n}",
    "-> (d, prod, dl) {\n param a =\n}",
    "-> (d, prod, dl) {\n tags a,\n copy\n}",
    "-> (d, prod, dl) {\n sql jobs/x.sql\n}",
    "-> (d, prod, dl) {\n sql \"\\d\"\n}",
    "-> (d, prod, dl) {\n param x = [1, 2\n sql \"x\"\n}",
    "-> (d, prod, dl) {\n columns (id, name text)\n}",
    "-> (d, prod, dl) {\n columns (id int,)\n}",
    "-> (d, prod, dl) {\n param x = [1 2]\n}",
    "source (a, prod, dl) from raw/x.csv",
    "source (a, prod, dl) \"x.csv\"",
    "source (a, prod, dl) -> (b, prod, dl)",
    "source a from \"x\"",
    "for x of y {\n}",
    "for x in y",
    "for x in y {\n(a, prod, dl) -> (b, prod, dl)",
    "sql \"x\"",
    "formula (a, prod, dl) -> (b, prod, dl)",
    "{ copy }",
    "include teams.formula",
    "include \"x\" { copy }",
    "let x \"y\"",
    "let any = 3",
    "defaults",
    "(a, prod, dl) -> (b, prod, dl) { {% if x %} }",
    "%",
    "\"a\"",
    ") -> (a, prod, dl)",
];

/// The items without places, and without what formatting may change: quotes around a tuple's plain words.
fn meaning(file: &File) -> String {
    let debug = format!("{:?}", file.items);
    let mut parts = debug.split("Span { file: FileId(0), start: ");
    let first = parts.next().unwrap_or_default().to_string();
    let rest: String = parts.map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
    (first + &rest).replace("quoting: Double", "quoting: Bare")
}

fn comments(file: &File) -> Vec<&str> {
    file.comments.iter().map(|comment| comment.text.as_str()).collect()
}

/// Formats, and checks that nothing but the layout changed, and that doing it again changes nothing.
fn formatted(text: &str) -> String {
    let file = read(text);
    let once = format(text, &file);
    let again = read(&once);
    assert_eq!(meaning(&file), meaning(&again), "\n{text}\nbecame\n{once}");
    assert_eq!(comments(&file), comments(&again), "\n{text}\nbecame\n{once}");
    assert_eq!(once, format(&once, &again), "not idempotent:\n{text}");
    assert!(!once.lines().any(|line| line.ends_with(' ')) || once.contains("\"\"\""), "{once}");
    once
}

#[test]
fn the_manual_is_laid_out() {
    insta::assert_snapshot!(formatted(MANUAL));
}

#[test]
fn comments_and_blank_lines_keep_their_place() {
    let text = r#"
# top

# of the file


(a, # inside
  "prod", dl) + # first
# between
(b, <X>, prod, dl) # second
   -> (c, <X>, prod, dl)   # head
   { # opened


   # own line
   sql "x.sql"  # trailing



   uses "a", # within
      "b"
   # last
} # closed
-> (d, prod, dl) {# only a comment
}
-> (e, prod, dl) { copy } # short
for s in shops { # loop
 -> (f, prod, dl) {}
 # end of loop
}
# end of file"#;
    insta::assert_snapshot!(formatted(text));
}

mod random {
    use proptest::prelude::*;

    /// `§` stands for white space, comments and line ends; `·` for blanks; `¶` for at least one line end.
    fn tuple() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["orders", "raw.Subs", "x_1", "\"quoted\"", "\"any\"", "{{ s.id }}", "p-{{ a }}.b"]);
        let component = prop::sample::select(vec![
            "<DATE>",
            "<·D·-·3d·>",
            "<·latest D in DATE·-·3d·..·DATE·>",
            "<any S in stores>",
            "<H·:·hour in DATE·.·month - 1mo>",
            "<R in 1..2>",
            "<R in 2024 - 10..2024-10>",
            "<N+1>",
            "*",
            "345",
            "\"007\"",
            "2024-01-31T05:30",
            "\"United # \\\"K\\\"\"",
            "{{ s.x }}",
            "\"a-b\"",
            "k§=§<S in stores>",
            "storeId=*",
            "country§=\"United Kingdom\"",
            "<D in 2024-01-01..M.quarter>",
        ]);
        (name.clone(), prop::collection::vec(component, 0..4), name.clone(), name).prop_map(|(class, parts, label, repository)| {
            let parts: String = parts.iter().map(|part| format!("§,§{part}")).collect();
            format!("(§{class}{parts}§,§{label}§,§{repository}§)")
        })
    }

    fn input() -> impl Strategy<Value = String> {
        let places = prop::sample::select(vec!["", "·as x", "·at \"in/<H>.h\"", "§ as § x at§\"y\""]);
        (prop::collection::vec((tuple(), any::<bool>()), 1..3), places).prop_map(|(tuples, place)| {
            let tuples: Vec<String> = tuples.into_iter().map(|(tuple, optional)| tuple + if optional { "§?" } else { "" }).collect();
            tuples.join("§|§") + place
        })
    }

    fn block() -> impl Strategy<Value = String> {
        let property = prop::sample::select(vec![
            "copy",
            "sql \"jobs/x.sql\"",
            "run \"\"\"\n  raw # \"text\"\n\n \"\"\"",
            "param a·=·1, b = [§1§,§\"x\"§,§[§]§]",
            "retry 3 every 30s",
            "needs cpu = 2,¶memory = \"4GiB\"",
            "tags a, b",
            "uses \"a\"·,¶\"b\"",
            "since 2024-01-01",
            "param lr = 1e-3, f = 0.50, w = 007, t = true",
            "columns (§id int§,§price decimal(10,·2)§,§\"Order ID\" timestamp with time zone§)",
            "doc \"é\\n\"",
            "after 1d 30min, x",
            "uses \"a/very/long/path/to/some/code/file.py\", \"another/very/long/path/to/some/code/file.py\", \"and/one/more.py\"",
            "columns (a_long_column_name int, another_long_column_name text, a_third_long_column_name timestamp, d date)",
        ]);
        prop_oneof![
            2 => Just(String::new()),
            1 => Just("§{§}".to_string()),
            4 => prop::collection::vec(property, 1..4).prop_map(|properties| format!("§{{§{}§}}", properties.join("¶"))),
        ]
    }

    fn statement() -> impl Strategy<Value = String> {
        let formula =
            (prop::collection::vec(input(), 0..4), prop::collection::vec(tuple(), 1..3), block()).prop_map(|(inputs, outputs, block)| {
                format!("{}->§{}{block}", if inputs.is_empty() { String::new() } else { inputs.join("§+§") + "§" }, outputs.join("§+§"))
            });
        prop_oneof![
            6 => formula,
            2 => (tuple(), block()).prop_map(|(tuple, block)| format!("source·{tuple}§from \"raw/<DATE:%Y/%m/%d>.csv\"{block}")),
            1 => Just("let x·=§[§1, \"a\"§]".to_string()),
            1 => Just("include \"teams/*.formula\"".to_string()),
            1 => Just("defaults §{§owner \"me\"§}".to_string()),
        ]
    }

    fn text() -> impl Strategy<Value = String> {
        let looped = prop::collection::vec(statement(), 0..3).prop_map(|inner| format!("for s in shops§{{§{}§}}", inner.join("¶")));
        let file = prop::collection::vec(prop_oneof![4 => statement(), 1 => looped], 0..4);
        let gap = prop::sample::select(vec![
            "",
            "",
            "",
            " ",
            "   ",
            "\n",
            "\n\n\n",
            " # c\n",
            "#\n",
            "\n\n  # own, \"line\"\n",
            "\n# a\n\n\n# b\n\n",
            "\r\n",
        ]);
        (file, prop::collection::vec(gap, 40)).prop_map(|(statements, gaps)| {
            let mut gaps = gaps.into_iter().cycle();
            let mut gap = || gaps.next().unwrap_or_default();
            let mut out = String::new();
            for c in format!("§{}§", statements.join("¶")).chars() {
                match c {
                    '§' => out += gap(),
                    '·' => out += if gap().is_empty() { "" } else { " " },
                    '¶' => out += &format!("{}\n", gap()),
                    c => out.push(c),
                }
            }
            out
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Formatting keeps the meaning and every comment, and is done after once.
        #[test]
        fn formatting_changes_the_layout_alone(text in text()) {
            super::formatted(&text);
        }

        /// Whatever stands in a file, reading it ends, and errors point into it; what is read can be formatted.
        #[test]
        fn no_text_breaks_the_reader(
            words in prop::collection::vec(prop::sample::select(vec!["(", ")", "{", "}", "[", "]", "<", ">", "->", "=>", "+", "|", "?", ",", "=", ":", "%", "\"", "\"\"\"", "'", "#",
                "{{", "}}", "{%", "\\", "\n", "\n", " ", " ", "a", "prod", "dl", "for", "in", "source", "let", "include", "defaults", "as", "at", "from", "sql", "columns", "é", "1", "-", "\u{1b}"]), 0..60),
        ) {
            let text = words.concat();
            let (_, errors) = super::parse(super::FileId(0), &text);
            if errors.is_empty() {
                super::formatted(&text);
            }
            for error in errors {
                let span = error.span();
                prop_assert!(text.get(span.start..span.end).is_some(), "{:?}", error);
            }
        }
    }

    #[test]
    fn depth_is_an_error_and_size_is_not() {
        let deep = format!("-> (a, prod, dl) {{\n param x = {}{}\n}}", "[".repeat(100_000), "]".repeat(100_000));
        let (_, errors) = super::parse(super::FileId(0), &deep);
        assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["E0110"]);
        let loops = "for s in x {\n".repeat(100_000);
        assert!(!super::parse(super::FileId(0), &loops).1.is_empty());
        let wide = format!("(a{}, prod, dl) -> (b, prod, dl)", ", x".repeat(20_000));
        assert!(super::parse(super::FileId(0), &wide).1.is_empty());
    }
}
