//! The code under `src/generated/` is what `payment.proto` gives. Generated here and not by a build script, so that
//! users of the crate build no compiler for it.
//!
//! After a change of the contract: `PAYFLOW_BLESS=1 cargo test -p payflow-proto --test generated` writes it anew.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use std::fs;
use std::path::Path;

use prost_build::Module;

const BLESS: &str = "PAYFLOW_BLESS=1 cargo test -p payflow-proto --test generated";

#[test]
fn generated_code_follows_from_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("src/generated/payment.rs");
    let expected = generate(root);
    if std::env::var_os("PAYFLOW_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "src/generated/payment.rs is not what payment.proto gives: {}. Run `{BLESS}` and commit the file.",
        first_difference(&found, &expected)
    );
}

fn generate(root: &Path) -> String {
    let descriptors = protox::compile([root.join("payment.proto")], [root]).unwrap();
    let requests = descriptors
        .file
        .into_iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file))
        .collect();
    let mut modules = prost_build::Config::new()
        // The library writes `Debug` for these: user ids and messages are personal data.
        .skip_debug(["payment.PaymentRequest", "payment.Notification"])
        .generate(requests)
        .unwrap();
    let module = Module::from_protobuf_package_name("payment");
    let code = modules.remove(&module).unwrap();
    assert!(modules.is_empty(), "files that nothing includes: {:?}", modules.keys());
    code
}

fn first_difference(found: &str, expected: &str) -> String {
    let line = found.lines().zip(expected.lines()).position(|(f, e)| f != e);
    let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    format!(
        "line {} is {:?} and should be {:?}",
        line + 1,
        found.lines().nth(line),
        expected.lines().nth(line)
    )
}
