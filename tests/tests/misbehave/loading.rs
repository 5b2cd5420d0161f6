//! Components that do not load, and what the operator reads.

use tagyard::container;
use tagyard_tests::guests;
use tagyard_tests::host::{HEAD, secret};

#[test]
fn what_imports_more_than_a_tag_gets_does_not_load() {
    check("unknown_import", "it imports `shop:stock/warehouse@1.0.0`, which the host does not give to tags");
    check("opens_connections", ", but a tag opens no connections: the host sends what it returns");
    check(
        "sends_http",
        "it imports `wasi:http/client@0.3.0`, but a tag sends nothing by itself: the host sends the requests it returns",
    );
}

fn check(guest: &str, reason: &str) {
    let text = format!(
        "{HEAD}[[tag]]\nname = \"tag\"\nuse = \"./guest_{guest}.wasm\"\nallow = {{ hosts = [\"a.example\"], fields = [\"type\"] }}\n"
    );
    let report = match container::parse("test.toml", &text, guests::folder(), secret) {
        Ok(_) => panic!("{guest} loads"),
        Err(report) => report.to_string(),
    };
    let [problem, count] = report.lines().collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{report}"));
    assert!(problem.contains("7:7: ") && problem.contains(&format!("guest_{guest}.wasm: it imports `")), "{problem}");
    let help = "(a tag returns requests as data; it opens no connection and no file)";
    assert!(problem.contains(reason) && problem.ends_with(help), "{problem}");
    assert_eq!(count, "1 problem in test.toml");
}
