//! A contract's text to a [`Contract`].
//!
//! What is true here: all that is wrong is found at once, each with its place, and a contract with an error is none, so that no check is
//! left out in silence.

use super::contract::{Column, Contract, Rule};
use super::lower::Lowering;
use super::shape::{Findings, place, text};
use super::standard::CONTRACT;
use crate::diagnostic::{Diagnostic, Severity};
use crate::digest::{ContentHash, Encoder};
use crate::yaml::{self, Key, Node, Tree};

/// Versions of the standard that are read.
const VERSIONS: &[&str] = &["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"];

/// Reads the contract of a dataset class. `file` is what places name; a file may describe several classes.
pub fn read(file: &str, source: &str, class: &str) -> (Option<Contract>, Vec<Diagnostic>) {
    let mut findings = Findings::new(file);
    let contract = match yaml::parse(source) {
        Ok(root) => contract(&root, file, class, &mut findings),
        Err(mistake) => {
            findings.error("E1001", format!("this is not YAML: {}", mistake.message), (mistake.start, mistake.end), "here");
            None
        }
    };
    let sound = findings.list.iter().all(|finding| finding.severity != Severity::Error);
    (contract.filter(|_| sound), findings.list)
}

fn contract(root: &Node, file: &str, class: &str, findings: &mut Findings) -> Option<Contract> {
    let whole = Key { text: "contract".into(), start: root.start, end: root.end.min(root.start + 1) };
    if !matches!(root.value, Tree::Map(_)) {
        let problem =
            findings.error("E1002", format!("a data contract is a mapping of keys and values, found {}", root.kind()), (0, 0), "");
        problem.help.push("it begins with `apiVersion: v3.1.0`, `kind: DataContract`, `id`, `version` and `status`".into());
        return None;
    }
    version(root, findings)?;
    findings.shape(root, &whole, &CONTRACT);
    let at = |key: &str| root.entries().iter().find(|(at, _)| at.text == key).map_or((0, 0), |(at, _)| (at.start, at.end));
    let older = root.get("apiVersion").and_then(text) != Some("v3.2.0");
    for key in ["id", "version", "status"].into_iter().filter(|key| root.get(key).is_none() && (older || *key != "status")) {
        let message = format!("a contract has `{key}`");
        findings.warning("E1004", message, at("kind"), "").help.push("other tools of the standard refuse a contract without it".into());
    }
    let (columns, rules) = match object(root, class, findings) {
        Some(object) => {
            let mut lowering = Lowering::new(findings, object, class);
            let columns = lowering.object(object);
            lowering.service_levels(root, object);
            (columns, lowering.rules)
        }
        None => (Vec::new(), Vec::new()),
    };
    let own = |key: &str| root.get(key).and_then(text).map(str::to_string);
    Some(Contract {
        class: class.into(),
        file: file.into(),
        meaning: meaning(&columns, &rules),
        version: own("version"),
        status: own("status"),
        owner: owner(root),
        description: root
            .get("description")
            .and_then(|node| ["purpose", "usage"].iter().find_map(|key| node.get(key).and_then(text)))
            .map(str::to_string),
        service_levels: service_levels(root),
        columns,
        rules,
    })
}

/// `None` where it is no contract of a version that is read.
fn version(root: &Node, findings: &mut Findings) -> Option<()> {
    let first = root.entries().first().map_or((0, 0), |(key, _)| (key.start, key.end));
    let find = |name: &str| root.entries().iter().find(|(key, _)| key.text == name);
    if find("dataContractSpecification").is_some() {
        let problem = findings.error(
            "E1002",
            "this is a contract of the Data Contract Specification, which was given up for another standard",
            first,
            "",
        );
        problem.help.push("`datacontract export odcs` of datacontract-cli rewrites it".into());
        return None;
    }
    let kind = find("kind").map(|(key, node)| (place(node, key), text(node).unwrap_or_default()));
    let api = find("apiVersion").map(|(key, node)| (place(node, key), text(node).unwrap_or_default()));
    match (kind, api) {
        (Some((_, "DataContract")), Some((_, version))) if VERSIONS.contains(&version) => Some(()),
        (Some((_, "DataContract")), Some((at, version))) if version.starts_with("v3.") => {
            let problem =
                findings.warning("E1002", format!("version `{version}` of the standard is not known, and read as v3.1.0"), at, "");
            problem.help.push(format!("known are {}", VERSIONS.join(", ")));
            Some(())
        }
        (Some((_, "DataContract")), Some((at, version))) => {
            let problem = findings.error("E1002", format!("version `{version}` of the standard is not read"), at, "");
            problem.help.push("write `apiVersion: v3.1.0`".into());
            None
        }
        (Some((_, "DataContract")), None) => {
            findings.error("E1002", "the version of the standard is missing", first, "").help.push("write `apiVersion: v3.1.0`".into());
            None
        }
        (Some((at, kind)), _) => {
            findings.error("E1002", format!("`{kind}` is no data contract"), at, "").help.push("write `kind: DataContract`".into());
            None
        }
        (None, _) => {
            let problem = findings.error("E1002", "this does not say that it is a data contract", first, "");
            problem.help.push("write `apiVersion: v3.1.0` and `kind: DataContract`".into());
            None
        }
    }
}

/// The schema that is the class's: by its physical name, else by its name, else the only one.
fn object<'n>(root: &'n Node, class: &str, findings: &mut Findings) -> Option<&'n Node> {
    let (key, schema) = match root.entries().iter().find(|(key, _)| key.text == "schema") {
        Some((key, node)) => ((key.start, key.end), node),
        None => {
            let at = root.entries().first().map_or((0, 0), |(key, _)| (key.start, key.end));
            findings.warning("E1005", "the contract has no `schema`, so that there is nothing to check", at, "");
            return None;
        }
    };
    let named = |name: &str| schema.items().iter().find(|object| object.get(name).and_then(text) == Some(class));
    if let Some(object) = named("physicalName").or_else(|| named("name")) {
        return Some(object);
    }
    match schema.items() {
        [] => None,
        [only] => Some(only),
        several => {
            let names: Vec<String> =
                several.iter().filter_map(|object| object.get("name").and_then(text)).map(|name| format!("`{name}`")).collect();
            let problem = findings.error("E1005", format!("none of the schemas is that of `{class}`"), key, "");
            problem.notes.push(format!("there are {}", names.join(", ")));
            problem.help.push(format!("give one of them `physicalName: {class}`"));
            None
        }
    }
}

/// Who answers for the data.
fn owner(root: &Node) -> Option<String> {
    let custom = || {
        let entries = root.get("customProperties")?.items();
        entries.iter().find(|entry| entry.get("property").and_then(text) == Some("owner"))?.get("value").and_then(text)
    };
    let team = root.get("team");
    let members = team
        .map_or(&[][..], |team| if let Tree::List(members) = &team.value { members } else { team.get("members").map_or(&[], Node::items) });
    let person = || {
        let owner = |member: &&Node| member.get("role").and_then(text).is_some_and(|role| role.to_lowercase().contains("owner"));
        let member = members.iter().find(owner)?;
        member.get("name").or(member.get("username")).and_then(text)
    };
    team.and_then(|team| team.get("name")).and_then(text).or_else(person).or_else(custom).map(str::to_string)
}

fn service_levels(root: &Node) -> Vec<(String, String)> {
    let levels = root.get("slaProperties").map_or(&[][..], Node::items);
    let level = |level: &Node| {
        let part = |key: &str| level.get(key).and_then(text);
        let value = [part("value"), part("unit"), part("element").map(|_| "of"), part("element")];
        Some((part("property")?.to_string(), value.into_iter().flatten().collect::<Vec<_>>().join(" ")))
    };
    levels.iter().filter_map(level).collect()
}

/// The digest of what verdicts follow from. The debug form of rules is one to one: texts in it are quoted.
fn meaning(columns: &[Column], rules: &[Rule]) -> ContentHash {
    let mut encoder = Encoder::new("contract");
    encoder.number(columns.len() as u64);
    for rule in rules {
        encoder.text(&rule.name).text(rule.column.as_deref().unwrap_or_default()).text(&format!("{:?} {:?}", rule.severity, rule.what));
    }
    ContentHash(encoder.finish())
}
