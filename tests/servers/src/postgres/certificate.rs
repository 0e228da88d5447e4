//! A certificate authority for one server.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes an authority and, signed by it, `server.crt` and `server.key` in `folder`. Answers with the
/// authority's certificate.
///
/// Two of them, because a client that checks well refuses an authority that is itself a server.
pub(super) fn make(folder: &Path) -> PathBuf {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"];
    openssl(folder, &key, &["-subj", "/CN=a test", "-keyout", "root.key", "-out", "root.crt"]);
    let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    let signed = ["-CA", "root.crt", "-CAkey", "root.key", "-addext", "basicConstraints=critical,CA:FALSE"];
    let server = ["-subj", "/CN=localhost", "-addext", names, "-keyout", "server.key", "-out", "server.crt"];
    openssl(folder, &key, &[&signed[..], &server].concat());
    for file in ["server.crt", "server.key"] {
        super::programs::give(&folder.join(file));
    }
    folder.join("root.crt")
}

fn openssl(folder: &Path, key: &[&str], rest: &[&str]) {
    let output =
        Command::new("openssl").args(["req", "-x509"]).args(key).args(rest).current_dir(folder).output();
    let output = output
        .unwrap_or_else(|error| panic!("openssl cannot be run ({error}); Debian: apt-get install openssl"));
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
