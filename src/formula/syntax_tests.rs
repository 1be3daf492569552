//! Parsing and formatting, judged from outside.

use super::ast::*;

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
