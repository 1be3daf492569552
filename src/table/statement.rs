//! What a query is: one SELECT, WITH or VALUES that sees named tables and nothing else. Said from its text alone, before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use datafusion::common::TableReference;
use datafusion::sql::{
    parser::Statement as EngineStatement,
    resolve::resolve_table_references,
    sqlparser::{
        ast::{Expr, Ident, ObjectName, Query, Select, SetExpr, Statement, TableAlias, TableFactor, Visit, VisitMut, Visitor, VisitorMut},
        dialect::GenericDialect,
        parser::{Parser, ParserError},
        tokenizer::{Location, Token, Tokenizer},
    },
};

use super::error::SqlProblem;

/// The engine's dialect.
pub(crate) const DIALECT: GenericDialect = GenericDialect {};

/// Functions whose answer is not made from their arguments alone: the clock, chance, the engine's version, the place of a file.
/// A test holds this list against the engine's own.
pub(crate) const VOLATILE: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "file_row_index",
    "input_file_name",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "today",
    "uuid",
    "version",
];

/// Of these, what says nothing where tables are not read file by file.
const PLACES: &[&str] = &["file_row_index", "input_file_name"];

/// Whose query it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    /// The same inputs must give the same rows each time.
    Recipe,
    /// Asks now, and may ask the clock and chance too.
    Person,
}

impl Asker {
    /// Functions that there are not.
    pub fn refused(self) -> &'static [&'static str] {
        if self == Asker::Recipe { VOLATILE } else { PLACES }
    }
}

/// Functions that may stand in FROM: they make rows from their arguments alone.
const TABLE_FUNCTIONS: &[&str] = &["generate_series", "range"];

/// Whether a rendered text is a query that can be run, as far as the text alone can say.
///
/// # Errors
/// The first problem: a syntax error with its place, more or fewer than one statement, one that is no query, or something that a recipe must not use.
pub fn check(sql: &str) -> Result<(), SqlProblem> {
    parse(sql).map(drop)
}

/// The tables that a rendered query refers to, sorted, each once; names of WITH clauses are left out. A name of several parts has dots.
///
/// # Errors
/// As [`check`].
pub fn tables(sql: &str) -> Result<Vec<String>, SqlProblem> {
    Ok(parse(sql)?.tables)
}

/// A query that reads the table `to` where it read one of `from` (whatever their case), which stay names inside it. `None` where it reads none
/// of them, or is no query.
pub fn renamed(sql: &str, from: &[String], to: &str) -> Option<String> {
    let mut parsed = parse(sql).ok()?;
    let meant = |name: &str| from.iter().any(|from| from.eq_ignore_ascii_case(name)) && parsed.tables.iter().any(|table| table == name);
    let meant: BTreeSet<String> = parsed.tables.iter().filter(|name| meant(name)).cloned().collect();
    if meant.is_empty() {
        return None;
    }
    let _ = VisitMut::visit(&mut parsed.statement, &mut Rename { meant, to });
    Some(parsed.statement.to_string())
}

struct Rename<'a> {
    meant: BTreeSet<String>,
    to: &'a str,
}

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let [part] = &name.0[..]
            && let Some(ident) = part.as_ident()
            && self.meant.contains(&ident.value)
        {
            let own = Ident::with_quote('"', &ident.value);
            if alias.is_none() {
                *alias = Some(TableAlias { explicit: true, name: own, columns: Vec::new(), at: None });
            }
            *name = ObjectName::from(vec![Ident::new(self.to)]);
        }
        ControlFlow::Continue(())
    }
}

/// A query that passed [`check`], or would but for functions that a person may use.
#[derive(Clone)]
pub(crate) struct Parsed {
    pub statement: Statement,
    /// As [`tables`].
    pub tables: Vec<String>,
    /// Where each is named first, in bytes of the text.
    pub places: BTreeMap<String, Range<usize>>,
    pub asker: Asker,
}

pub(crate) fn parse(sql: &str) -> Result<Parsed, SqlProblem> {
    parse_for(Asker::Recipe, sql)
}

pub(crate) fn parse_for(asker: Asker, sql: &str) -> Result<Parsed, SqlProblem> {
    let tokens =
        Tokenizer::new(&DIALECT, sql).tokenize_with_location().map_err(|e| syntax(sql, e.message, e.location.line, e.location.column))?;
    let first = tokens.iter().map(|t| &t.token).find(|t| !matches!(t, Token::Whitespace(_) | Token::SemiColon | Token::EOF));
    match first {
        None => return Err(SqlProblem::Empty),
        Some(Token::LParen) => {}
        Some(Token::Word(word)) if ["SELECT", "WITH", "VALUES", "FROM"].contains(&word.value.to_uppercase().as_str()) => {}
        Some(Token::Word(word)) => return Err(SqlProblem::NotAQuery { found: word.value.to_uppercase() }),
        Some(other) => return Err(SqlProblem::NotAQuery { found: format!("`{other}`") }),
    }
    let mut statements =
        Parser::new(&DIALECT).with_tokens_with_locations(tokens).parse_statements().map_err(|error| from_parser(sql, error))?;
    if statements.len() > 1 {
        return Err(SqlProblem::Several { count: statements.len() });
    }
    let statement = statements.pop().ok_or(SqlProblem::Empty)?;
    if !matches!(statement, Statement::Query(_)) {
        return Err(SqlProblem::NotAQuery { found: "this".into() });
    }
    let mut rules = Rules { refused: asker.refused(), functions: BTreeSet::new(), tables: BTreeSet::new(), places: BTreeMap::new() };
    if let ControlFlow::Break(problem) = statement.visit(&mut rules) {
        return Err(*problem);
    }
    let engine_statement = EngineStatement::Statement(Box::new(statement.clone()));
    let (references, _) = resolve_table_references(&engine_statement, false)
        .map_err(|e| SqlProblem::Refused { what: "a table's name".into(), why: e.strip_backtrace() })?;
    let tables = references.iter().map(plain_name).filter(|name| rules.tables.contains(name) || !rules.functions.contains(name));
    let places = rules.places.iter().map(|(name, place)| (name.clone(), offset(sql, place.start)..offset(sql, place.end))).collect();
    Ok(Parsed { tables: tables.collect(), statement, places, asker })
}

/// Where a word stands that names something, first, in bytes of the text.
pub(crate) fn place_of(sql: &str, name: &str) -> Option<Range<usize>> {
    let tokens = Tokenizer::new(&DIALECT, sql).tokenize_with_location().ok()?;
    let found = tokens.iter().find(|token| matches!(&token.token, Token::Word(word) if word.value == name))?;
    Some(offset(sql, found.span.start)..offset(sql, found.span.end))
}

/// The bytes behind each `;` of a text that stands in no quotes and no comment. Where a quote is never closed there are none behind it; of a
/// text that is no SQL, its end is one where it ends so.
pub(crate) fn ends(text: &str) -> Vec<usize> {
    let (mut tokens, mut ends) = (Vec::new(), Vec::new());
    let read = Tokenizer::new(&DIALECT, text).tokenize_with_location_into_buf(&mut tokens);
    ends.extend(tokens.iter().filter(|token| token.token == Token::SemiColon).map(|token| offset(text, token.span.end)));
    let is_open = |message: &str| message.contains("ntermin") || message.contains("EOF");
    if let Err(error) = read
        && !is_open(&error.message)
        && text.trim_end().ends_with(';')
    {
        ends.push(text.trim_end().len());
    }
    ends
}

/// Whether a text says nothing: spaces and comments.
pub(crate) fn is_blank(text: &str) -> bool {
    Tokenizer::new(&DIALECT, text).tokenize().is_ok_and(|tokens| tokens.iter().all(|token| matches!(token, Token::Whitespace(_))))
}

/// What must not stand anywhere in a query, and what is named in it.
struct Rules {
    refused: &'static [&'static str],
    functions: BTreeSet<String>,
    tables: BTreeSet<String>,
    places: BTreeMap<String, Range<Location>>,
}

type Verdict = ControlFlow<Box<SqlProblem>>;

fn refuse(what: impl Into<String>, why: &str) -> Verdict {
    ControlFlow::Break(Box::new(SqlProblem::Refused { what: what.into(), why: why.into() }))
}

impl Rules {
    fn table_function(&mut self, name: &ObjectName) -> Verdict {
        let text = last_part(name);
        if !TABLE_FUNCTIONS.contains(&text.to_lowercase().as_str()) {
            return refuse(
                format!("`{text}(…)` in FROM"),
                "a query reads its inputs only; declare the file as a source and name it as an input",
            );
        }
        self.functions.insert(text);
        ControlFlow::Continue(())
    }
}

impl Visitor for Rules {
    type Break = Box<SqlProblem>;

    fn pre_visit_query(&mut self, query: &Query) -> Verdict {
        if !query.locks.is_empty() {
            return refuse("FOR UPDATE or FOR SHARE", "inputs are immutable, so that there is nothing to lock");
        }
        match &*query.body {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse("INSERT, UPDATE, DELETE or MERGE", "inputs are immutable; select the rows as they shall be")
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> Verdict {
        if select.into.is_some() {
            return refuse("SELECT INTO", "the query's rows are the output; leave INTO out");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Verdict {
        match factor {
            TableFactor::Table { version: Some(_), .. } => refuse(
                "FOR SYSTEM_TIME AS OF and its like",
                "which snapshot is read is said by the formula's inputs; write the instance there, as in `<DATE - 1d>`",
            ),
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                refuse("TABLESAMPLE", "it takes other rows each time; filter by a hash of a column instead")
            }
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => self.table_function(name),
            TableFactor::Table { name, .. } => {
                self.tables.insert(last_part(name));
                let idents: Vec<_> = name.0.iter().filter_map(|part| part.as_ident()).collect();
                if let [first, ..] = idents.as_slice()
                    && let Some(last) = idents.last()
                {
                    let whole = idents.iter().map(|ident| ident.value.as_str()).collect::<Vec<_>>().join(".");
                    self.places.entry(whole).or_insert(first.span.start..last.span.end);
                }
                ControlFlow::Continue(())
            }
            TableFactor::TableFunction { .. } => refuse("TABLE(…)", "a query reads its inputs only"),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Verdict {
        if let Expr::Function(function) = expr {
            let name = last_part(&function.name).to_lowercase();
            if self.refused.contains(&name.as_str()) {
                return ControlFlow::Break(Box::new(SqlProblem::Volatile { function: name }));
            }
        }
        ControlFlow::Continue(())
    }
}

fn last_part(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}

fn plain_name(reference: &TableReference) -> String {
    [reference.catalog(), reference.schema(), Some(reference.table())].into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// The parser writes the place at its message's end.
fn from_parser(sql: &str, error: ParserError) -> SqlProblem {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => "the query is nested too deeply".into(),
    };
    let place = message.rfind(" at Line: ").and_then(|at| {
        let (line, column) = message[at + " at Line: ".len()..].split_once(", Column: ")?;
        Some((message[..at].to_string(), line.trim().parse().ok()?, column.trim().parse().ok()?))
    });
    match place {
        Some((message, line, column)) => syntax(sql, message, line, column),
        None => {
            let last = sql.trim_end();
            let line = last.matches('\n').count() + 1;
            let column = last.rsplit('\n').next().map_or(1, |text| text.chars().count() + 1);
            SqlProblem::Syntax { message: readable(&message), line, column, offset: last.len() }
        }
    }
}

fn syntax(sql: &str, message: String, line: u64, column: u64) -> SqlProblem {
    let at = Location { line: line.max(1), column: column.max(1) };
    SqlProblem::Syntax { message: readable(&message), line: at.line as usize, column: at.column as usize, offset: offset(sql, at) }
}

/// Bytes before a place of the parser's, which counts lines and characters from 1.
fn offset(sql: &str, at: Location) -> usize {
    let start: usize = sql.split_inclusive('\n').take(at.line.saturating_sub(1) as usize).map(str::len).sum();
    start + sql[start..].chars().take(at.column.saturating_sub(1) as usize).map(char::len_utf8).sum::<usize>()
}

/// `Expected: an expression, found: FROM` becomes `expected an expression, found FROM`.
fn readable(message: &str) -> String {
    message.replacen("Expected: ", "expected ", 1).replacen("found: EOF", "found the end", 1).replacen("found: ", "found ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_query_passes() {
        for sql in ["select 1", "WITH a AS (SELECT 1) SELECT * FROM a", "values (1), (2)", "(select 1) union all (select 2)", "select 1;"] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
        for (sql, code) in [
            ("", "E0451"),
            (" -- nothing\n;", "E0451"),
            ("select 1; select 2", "E0451"),
            ("CREATE TABLE x AS SELECT 1", "E0451"),
            ("copy t to 'x.csv'", "E0451"),
            ("insert into t values (1)", "E0451"),
            ("set x = 1", "E0451"),
            ("explain select 1", "E0451"),
            ("select * into x from t", "E0452"),
            ("select * from t FOR SYSTEM_TIME AS OF '2024-01-01'", "E0450"),
            ("select * from t TABLESAMPLE (10 PERCENT)", "E0452"),
            ("select * from read_csv('x.csv')", "E0452"),
            ("with x as (delete from t) select * from x", "E0452"),
            ("select a, random() from t", "E0453"),
            ("select * from (select current_date)", "E0453"),
            ("select * from t where d < NOW() - interval '1 day'", "E0453"),
        ] {
            assert_eq!(check(sql).unwrap_err().code(), code, "{sql}");
        }
    }

    #[test]
    fn statements_end_where_nothing_is_open() {
        for (text, count) in [
            ("select 1", 0),
            ("select 1;", 1),
            ("select ';'; select \";\" -- ;\n; /* ; */", 2),
            ("select 'a;", 0),
            ("select 1; select \"a;", 1),
            ("select /* ;", 0),
            ("select 1 \u{1};", 1),
        ] {
            assert_eq!(ends(text).len(), count, "{text}");
        }
    }

    #[test]
    fn a_syntax_error_knows_its_place() {
        let SqlProblem::Syntax { line, column, offset, message } = check("select é,\n  from t where").unwrap_err() else {
            panic!("not a syntax error")
        };
        assert_eq!((line, column, offset, message.as_str()), (2, 15, 25, "expected an expression, found the end"));
        let SqlProblem::Syntax { offset, .. } = check("select a\nfrom t t2 t3").unwrap_err() else { panic!("not a syntax error") };
        assert_eq!(offset, 19);
    }

    #[test]
    fn a_table_gets_another_name_and_stays_known_by_its_own() {
        let from = ["orders".to_string()];
        assert_eq!(
            renamed("WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o JOIN ORDERS ON orders.id = o.id", &from, "snapshot").unwrap(),
            r#"WITH o AS (SELECT * FROM snapshot AS "orders") SELECT count(*) FROM o JOIN snapshot AS "ORDERS" ON orders.id = o.id"#
        );
        for sql in ["SELECT 1 FROM snapshot", "WITH orders AS (SELECT 1 AS a) SELECT a FROM orders", "not a query"] {
            assert_eq!(renamed(sql, &from, "snapshot"), None);
        }
    }

    #[test]
    fn tables_are_found_and_with_names_are_not() {
        let sql = r#"WITH a AS (SELECT * FROM Customers), b AS (SELECT * FROM a JOIN "x.y" USING (id))
                     SELECT (SELECT max(v) FROM m) FROM b, generate_series(1, 3), s.t WHERE id IN (SELECT id FROM Customers)"#;
        assert_eq!(tables(sql).unwrap(), ["Customers", "m", "x.y", "s.t"]);
    }
}
