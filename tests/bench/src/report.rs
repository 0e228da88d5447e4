//! The table that a bench prints.
#![allow(clippy::print_stdout, reason = "this is what a bench is for")]

/// What was promised.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nothing: shown for comparison.
    None,
}

/// Prints the head of a table.
pub fn head(title: &str, columns: [&str; 3]) {
    let [ours, by_hand, figure] = columns;
    println!("\n{title}");
    println!("{:<58}{ours:>12}{by_hand:>12}{figure:>12}{:>10}", "", "goal");
}

/// Prints a row: both sides, the figure that was promised, and whether it holds.
pub fn row(what: &str, ours: &str, by_hand: &str, figure: (f64, &str), goal: Goal) {
    let (value, unit) = figure;
    let (goal, verdict) = match goal {
        Goal::AtMost(most) => (format!("<= {most}{unit}"), if value <= most { "ok" } else { "MISSED" }),
        Goal::AtLeast(least) => (format!(">= {least}{unit}"), if value >= least { "ok" } else { "MISSED" }),
        Goal::None => (String::new(), ""),
    };
    let value = format!("{value:.*}{unit}", if value.abs() < 10.0 { 2 } else { 0 });
    println!("{what:<58}{ours:>12}{by_hand:>12}{value:>12}{goal:>10}  {verdict}");
}

/// Prints a remark.
pub fn note(text: &str) {
    println!("  {text}");
}

/// Whether it was started by `cargo bench`. Other ways, such as `cargo test --all-targets`, only see that
/// it compiles.
pub fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
