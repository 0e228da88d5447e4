//! The comparison with other frameworks: how many lines three events, three decisions and two rules take.

const PROGRAM: &str = include_str!("../examples/three_events.rs");

#[test]
fn they_fit_in_52_lines() {
    let (counted, _) = PROGRAM.split_once("// Up to here it counts.").expect("the marker");
    let lines = counted.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 52, "{lines} lines");
}
