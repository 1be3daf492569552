//! A job's log: its last lines, fit for a terminal, and secrets taken out.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// So much of a log's end is looked at for its last lines.
const LOOK: u64 = 64 << 10;
/// So much of a log is masked at once.
const PIECE: u64 = 1 << 20;

/// The last `lines` lines, control sequences taken out; bytes that are no UTF-8 are replaced. A missing log has none.
pub fn tail(log: &Path, lines: usize) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOOK)))?;
        let mut bytes = Vec::new();
        file.take(LOOK).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<String> = text.lines().map(clean).filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].to_vec()
}

/// A line as a terminal may show it: what stands after the last carriage return, without escape sequences and control characters.
pub fn clean(line: &str) -> String {
    let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
                _ => {}
            },
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Replaces every occurrence of the secrets in the log by `***`; of two at one place the longer.
pub fn mask(log: &Path, secrets: &[Vec<u8>]) -> io::Result<()> {
    let secrets: Vec<&[u8]> = secrets.iter().filter(|s| !s.is_empty()).map(Vec::as_slice).collect();
    let Some(longest) = secrets.iter().map(|s| s.len()).max() else { return Ok(()) };
    let masked = log.with_extension("masked");
    let mut from = File::open(log)?;
    let mut to = BufWriter::new(File::create(&masked)?);
    // Logs may be larger than memory: pieces, each with so much of the next that no secret lies across.
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let read = (&mut from).take(PIECE).read_to_end(&mut bytes)?;
        let sure = if read == 0 { bytes.len() } else { bytes.len().saturating_sub(longest - 1) };
        let mut at = 0;
        while at < sure {
            match secrets.iter().filter(|s| bytes[at..].starts_with(s)).map(|s| s.len()).max() {
                Some(length) => {
                    to.write_all(b"***")?;
                    at += length;
                }
                None => {
                    to.write_all(&bytes[at..=at])?;
                    at += 1;
                }
            }
        }
        bytes.drain(..at);
        if read == 0 {
            to.flush()?;
            return fs::rename(&masked, log);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_fit_for_a_terminal() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log.txt");
        fs::write(&log, b"one\n\x1b[31mred\x1b[0m\n 10%\r 99%\r100%\n\n\xff\xfe bytes\n\x1b]0;title\x07x\n").expect("written");
        assert_eq!(tail(&log, 4), ["red", "100%", "\u{fffd}\u{fffd} bytes", "x"]);
        assert_eq!(tail(&folder.path().join("none"), 4), [] as [&str; 0]);
    }

    #[test]
    fn secrets_are_taken_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log.txt");
        fs::write(&log, "password is hunter2hunter22").expect("written");
        mask(&log, &["hunter2".into(), "hunter22".into(), Vec::new()]).expect("masked");
        assert_eq!(fs::read_to_string(&log).expect("read"), "password is ******");
        // Wherever it lies between two pieces.
        let before = "x".repeat(PIECE as usize - 3);
        fs::write(&log, format!("{before}hunter22{before}")).expect("written");
        mask(&log, &["hunter22".into()]).expect("masked");
        assert!(fs::read_to_string(&log).expect("read") == format!("{before}***{before}"));
    }
}
