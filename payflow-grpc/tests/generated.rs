//! The code under `src/generated/` is what `proto/payment.proto` gives. Generated here and not by a build script, so that
//! users of the crate build no compiler for it.
//!
//! After a change of the contract: `PAYFLOW_BLESS=1 cargo test -p payflow-grpc --test generated` writes it anew.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use std::fs;
use std::path::Path;

const BLESS: &str = "PAYFLOW_BLESS=1 cargo test -p payflow-grpc --test generated";

#[test]
fn generated_services_follow_from_the_contract() {
    let folder = tempfile();
    tonic_prost_build::configure()
        .extern_path(".payment", "::payflow_proto")
        .build_transport(false)
        .out_dir(&folder)
        .compile_fds(contract().file_descriptor_set())
        .unwrap();
    let code = fs::read(folder.join("payment.rs")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    compare("payment.rs", &code);
}

#[test]
fn description_for_reflection_follows_from_the_contract() {
    let mut contract = contract();
    // Comments are for who reads the file.
    compare("payment.descriptor", &contract.include_source_info(false).encode_file_descriptor_set());
}

fn contract() -> protox::Compiler {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut contract = protox::Compiler::new([&proto]).unwrap();
    contract.include_imports(true).include_source_info(true);
    contract.open_file(proto.join("payment.proto")).unwrap();
    contract
}

fn compare(name: &str, expected: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated").join(name);
    if std::env::var_os("PAYFLOW_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    assert!(
        found == expected,
        "src/generated/{name} is not what payment.proto gives, from byte {same}: run `{BLESS}` and commit the file"
    );
}

/// A folder of this test's own.
fn tempfile() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated-services");
    fs::create_dir_all(&folder).unwrap();
    folder
}
