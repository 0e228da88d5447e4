//! The commands of `README.md`, run in order, answer what stands there. `README=overwrite` writes the answers down
//! again: read the difference.
#![allow(missing_docs)]

mod common;

use common::services::*;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// What differs from run to run: positions, days and times, and whatever is random.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(length);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_position = word.split_once('.').is_some_and(|(commit, index)| digits(commit) && digits(index));
        let is_span = word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_time = word.starts_with("20") && word.get(4..5) == Some("-");
        masked += if is_position || is_span || is_time { "*" } else { word };
        rest = after;
    }
    masked
}

fn run(command: &str, folder: &Path, order: &Service, payment: &Service) -> String {
    let program = format!("'{}'", env!("CARGO_BIN_EXE_order"));
    let real = command.replace("cargo run -q -p order --", &program);
    let real = real.replace("127.0.0.1:8080", &order.address).replace("127.0.0.1:8081", &payment.address);
    let output = Command::new("bash").args(["-c", &real]).current_dir(folder).output().expect("bash");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let text = text.replace(&order.address, "127.0.0.1:8080").replace(&payment.address, "127.0.0.1:8081");
    text.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[test]
fn its_commands_answer_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut setup = Setup::on_sqlite(folder.path());
    (setup.order, setup.payment) = (String::new(), "--deadline 1s --late 2s".into());
    let (order, payment) = (setup.order(), setup.payment());
    let text = std::fs::read_to_string(README).expect("it is there");
    let (mut real, mut is_console, mut is_answer) = (String::new(), false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            (is_console, is_answer) = (line == "```console", false);
        }
        if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            is_answer = true;
            let _ = write!(real, "{line}\n{}", run(command, folder.path(), &order, &payment));
        } else if !is_answer {
            let _ = writeln!(real, "{line}");
        }
    }
    if std::env::var("README").is_ok_and(|wish| wish == "overwrite") {
        std::fs::write(README, real).expect("writable");
    } else {
        assert_eq!(masked(&real), masked(&text), "README=overwrite cargo test -p order --test readme");
    }
}
