//! What the compiler refuses, and what it says.
//!
//! A case is a file under `ui/<topic>` with one mistake; beside it stands what the compiler answers.
//! After a change of a sentence, write the answers anew and read every one of them as a newcomer would:
//!
//! ```sh
//! TRYBUILD=overwrite cargo test -p compile-fail
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases with more than one error: two mistakes, or one that is met in several places.
const MORE_THAN_ONE: [(&str, usize); 9] = [
    ("aggregate/listed_events_have_mistakes", 2),
    ("aggregate/two_mistakes", 2),
    ("event/two_mistakes", 2),
    ("event/field_without_serde", 4),
    ("past/no_event", 2),
    ("projection/derive_missing", 3),
    ("projection/events_forgotten", 2),
    ("projection/ignored_is_no_event", 2),
    ("projection/two_mistakes", 2),
];

#[test]
fn every_mistake_is_named() {
    expect_pinned_compiler();
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}

#[test]
fn one_mistake_is_one_error() {
    for answer in answers() {
        let case = case_of(&answer);
        let errors = read(&answer).lines().filter(|line| line.starts_with("error")).count();
        let expected = MORE_THAN_ONE.iter().find(|(name, _)| *name == case).map_or(1, |(_, count)| *count);
        assert_eq!(errors, expected, "errors in {}", answer.display());
    }
}

#[test]
fn answers_know_nothing_of_the_machine() {
    let here =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace is two folders up");
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.parent().is_some());
    let places: Vec<_> = [Some(here.to_path_buf()), home].into_iter().flatten().collect();
    for answer in answers() {
        let text = read(&answer);
        for place in places.iter().map(|place| format!("{}/", place.display())) {
            assert!(!text.contains(&place), "`{place}` in {}", answer.display());
        }
    }
}

/// What the compiler says differs from release to release, so another one proves nothing here.
fn expect_pinned_compiler() {
    let pin = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rust-toolchain.toml"));
    let pin =
        pin.lines().find_map(|line| line.strip_prefix("channel = ")).map(|channel| channel.trim_matches('"'));
    let pin = pin.expect("rust-toolchain.toml has a channel");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs").stdout;
    let version = String::from_utf8_lossy(&version);
    assert!(
        version.starts_with(&format!("rustc {pin} ")),
        "the answers are those of rustc {pin}, as rust-toolchain.toml says, but this is {version}"
    );
}

/// Every `.stderr` under `ui`.
fn answers() -> Vec<PathBuf> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let files = files_in(&ui).flat_map(|topic| files_in(&topic));
    let answers: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|kind| kind == "stderr")).collect();
    assert!(answers.len() >= 80, "only {} answers in {}", answers.len(), ui.display());
    for answer in &answers {
        assert!(answer.with_extension("rs").exists(), "{} is an answer to nothing", answer.display());
    }
    answers
}

fn files_in(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("the folder can be read").path())
}

/// `topic/mistake`.
fn case_of(answer: &Path) -> String {
    let names: Vec<_> = answer
        .with_extension("")
        .iter()
        .rev()
        .take(2)
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    format!("{}/{}", names[1], names[0])
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
