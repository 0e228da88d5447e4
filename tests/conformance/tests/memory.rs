//! The store in memory keeps every promise.

use conformance::conformance;
use es_runtime::SystemEntropy;
use es_runtime::memory::Memory;

conformance!(memory, |setup| async move { Memory::with(setup.clock, SystemEntropy::default()) });

#[test]
fn no_rule_is_forgotten_by_the_macro() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let mut written = Vec::new();
    for file in std::fs::read_dir(dir).expect("the rules") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("readable");
        let names = text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next());
        written.extend(names.map(str::to_owned));
    }
    written.sort();
    let mut tested = memory::RULES.to_vec();
    tested.sort_unstable();
    assert_eq!(tested, written);
}
